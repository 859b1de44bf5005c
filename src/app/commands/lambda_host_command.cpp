// lambda-host: runs Lambda functions that are programs, on loopback.
#include <unistd.h>

#include <algorithm>

#include "adapters/local/system_clock.h"
#include "app/commands/commands.h"
#include "app/functions/hosted_functions.h"
#include "app/parts/pipeline_ports.h"
#include "base/http_server.h"
#include "base/private_folder.h"
#include "lambda/line_output.h"
#include "server/aws_endpoint.h"
#include "server/lambda_service.h"
#include "server/sandbox/sandboxed_functions.h"

namespace tillite {
namespace {

/// Calls that wait for their turn, beside those that run: so many can be refused, or wait, at the same time.
constexpr std::size_t kSpareThreads = 16;
constexpr std::int64_t kMsPerSecond = 1000;

/// `bootstrap` beside this program.
Path standard_bootstrap() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "bootstrap";
}

/// The functions of steps.json, if their program is there or was named, and those of a file, which stand above them.
Result<std::vector<SandboxedFunction>> wanted_functions(const LambdaHostOptions& options) {
  std::vector<SandboxedFunction> functions;
  if (!options.functions_file.empty()) functions = TRY(functions_of_file(options.functions_file));
  const Path bootstrap =
      options.bootstrap.empty() ? standard_bootstrap() : std::filesystem::absolute(options.bootstrap);
  if (::access(bootstrap.c_str(), X_OK) == 0) {
    for (SandboxedFunction& step : TRY(functions_of_steps(bootstrap))) {
      const bool is_there = std::ranges::any_of(
          functions, [&](const SandboxedFunction& known) { return known.info.name == step.info.name; });
      if (!is_there) functions.push_back(std::move(step));
    }
  } else if (!options.bootstrap.empty() || functions.empty()) {
    return fail(Code::not_found, "there is no program {}: name one with --bootstrap, or functions with --functions",
                bootstrap.string());
  }
  return functions;
}

/// What every function gets: the home if a part may lie in it, the credentials of this host (in Lambda: of its role),
/// and what was asked for.
Result<std::map<std::string, std::string>> shared_environment(const CommandContext& context,
                                                              const LambdaHostOptions& options) {
  std::map<std::string, std::string> variables = {
      {"TILLITE_HOME", std::filesystem::absolute(context.host.home).string()}};
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
    if (auto value = context.host.environment(name)) variables[name] = *std::move(value);
  }
  for (auto& [name, value] : TRY(parse_variables(options.variables))) variables[name] = value;
  const auto variable = [&](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  if (is_all_on_aws(variable)) variables.erase("TILLITE_HOME");
  return variables;
}

void print(std::uint16_t port, const std::vector<FunctionInfo>& functions, const Output& output) {
  const std::string origin = fmt::format("http://127.0.0.1:{}", port);
  Json json = {{"port", port}, {"environment", {{"AWS_ENDPOINT_URL_LAMBDA", origin}}}, {"functions", Json::array()}};
  output.line("export AWS_ENDPOINT_URL_LAMBDA={}", origin);
  for (const FunctionInfo& function : functions) json["functions"].push_back(function.name);
  output.json(json);
}

}  // namespace

Result<int> lambda_host_command(CommandContext& context, const LambdaHostOptions& options) {
  SystemClock clock;
  SystemRandom random;
  const AwsPlace place;
  const Logger log = context.host.log.named("lambda-host");
  std::error_code no_temporary_folder;
  // Other users of the machine have theirs, and must not get at this one.
  const Path scratch =
      std::filesystem::temp_directory_path(no_temporary_folder) / fmt::format("tillite-lambda-host-{}", ::getuid());
  if (no_temporary_folder) return fail(Code::not_found, "there is no folder for temporary files: set TMPDIR");
  TRY(make_private_folder(scratch));
  ScratchFolder::remove_stale(scratch);
  auto environment = TRY(shared_environment(context, options));
  auto wanted = TRY(wanted_functions(options));
  const SandboxSurroundings surroundings{.clock = clock,
                                         .random = random,
                                         .place = place,
                                         .environment = std::move(environment),
                                         .scratch = scratch,
                                         .on_line = [](std::string_view line) { write_line(STDERR_FILENO, line); }};
  SandboxedFunctions functions(std::move(wanted), surroundings,
                               {.at_once_max = options.at_once_max, .idle_ms = options.idle_seconds * kMsPerSecond},
                               context.host.stop);
  LambdaService lambda(functions, place, {.threads = options.at_once_max + kSpareThreads});
  AwsEndpoint endpoint({&lambda}, std::nullopt, random, log);
  const auto server = TRY(HttpServer::listen(
      static_cast<std::uint16_t>(options.port),
      [&](const ServerRequest& request, ServerAnswer answer) { endpoint.handle(request, std::move(answer)); }, {}));
  print(server->port(), functions.functions(), context.output);
  log.info("hosting", {{"port", server->port()}, {"functions", functions.functions().size()}});
  {
    const std::stop_callback refuse_the_waiting(context.host.stop, [&] { lambda.stop(); });
    server->run(context.host.stop);
  }
  log.info("stopped");
  return kDone;
}

}  // namespace tillite
