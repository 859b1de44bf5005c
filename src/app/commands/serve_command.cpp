// serve: answers AWS's own programs on loopback.
#include <thread>

#include "app/commands/commands.h"
#include "app/embedded_definitions.h"
#include "app/functions/function_catalog.h"
#include "app/functions/served_functions.h"
#include "app/queue_consumer.h"
#include "app/served_queues.h"
#include "base/http_server.h"
#include "server/aws_endpoint.h"
#include "server/engine_backend.h"
#include "server/lambda_service.h"
#include "server/logs_service.h"
#include "server/long_polls.h"
#include "server/sqs_service.h"
#include "server/step_functions_service.h"

namespace tillite {
namespace {

constexpr std::int64_t kPauseAfterFailureMs = 1000;

/// The value of a variable that is set and not empty.
std::optional<std::string> variable(const Environment& environment, const std::string& name) {
  auto value = environment(name);
  return value && !value->empty() ? std::move(value) : std::nullopt;
}

/// The credential that requests must be signed with; nothing if none is configured.
Result<std::optional<AwsCredential>> configured_credential(const Environment& environment) {
  const auto id = variable(environment, "AWS_ACCESS_KEY_ID");
  auto secret = variable(environment, "AWS_SECRET_ACCESS_KEY");
  if (id.has_value() != secret.has_value()) {
    return fail(Code::invalid_input,
                "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is set: set both, and requests must be signed with "
                "them, or none");
  }
  if (!id) return std::nullopt;
  return AwsCredential{.access_key_id = *id,
                       .secret_access_key = Secret(*std::move(secret)),
                       .session_token = Secret(variable(environment, "AWS_SESSION_TOKEN").value_or(""))};
}

std::vector<std::string> log_groups_of(const std::vector<FunctionInfo>& functions) {
  std::vector<std::string> groups;
  groups.reserve(functions.size());
  for (const FunctionInfo& function : functions) groups.push_back(log_group_of(function.name));
  return groups;
}

/// The role of the machines that are there from the start: nobody asks for its rights here.
constexpr const char* kRoleArn = "arn:aws:iam::000000000000:role/tillite";

Result<void> provide_machines(EngineBackend& backend) {
  for (const std::string_view name : state_machine_names()) {
    const StateMachine machine = TRY(load_state_machine(name));
    TRY(backend.provide({.name = std::string(name), .definition = machine.definition(), .role_arn = kRoleArn}));
  }
  return {};
}

using Variables = std::vector<std::pair<std::string, std::string>>;

/// No region of AWS: a program that overlooks AWS_ENDPOINT_URL, as the first version of aws does for SQS where it knows
/// the region, finds nothing there, and not somebody's account.
constexpr const char* kRegion = "local";

/// What a shell needs for AWS's programs to come here, the queue's address first.
Variables shell_variables(const std::string& origin, const SqsService& sqs, const Environment& environment) {
  Variables variables = {{"COMPACTION_QUEUE_URL", sqs.url_of(origin, kQueueName)},
                         {"AWS_ENDPOINT_URL", origin},
                         {"AWS_REGION", kRegion},
                         {"AWS_DEFAULT_REGION", kRegion},
                         // or "sync-" would be put before 127.0.0.1 for some calls
                         {"AWS_DISABLE_HOST_PREFIX_INJECTION", "true"}};
  if (!variable(environment, "AWS_ACCESS_KEY_ID")) {
    // Nothing is checked then, but the programs want something to sign with.
    variables.emplace_back("AWS_ACCESS_KEY_ID", "tillite");
    variables.emplace_back("AWS_SECRET_ACCESS_KEY", "tillite");
  }
  return variables;
}

void print(const Variables& variables, std::uint16_t port, const Output& output) {
  Json json = {{"port", port}};
  for (const auto& [name, value] : variables) {
    output.line("export {}={}", name, value);
    json["environment"][name] = value;
  }
  output.json(json);
}

/// Walks what anybody starts. A store that fails is tried again.
void walk_all(Engine& engine, Clock& clock, const Logger& log, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto served = engine.serve(stop);
    if (served) continue;
    log.error("executions cannot be walked", {{"reason", served.error().message()}});
    if (!clock.sleep(kPauseAfterFailureMs, stop)) return;
  }
}

}  // namespace

Result<int> serve_command(CommandContext& context, const ServeOptions& options) {
  const Environment& environment = context.host.environment;
  auto credential = TRY(configured_credential(environment));
  const bool checks_signatures = credential.has_value();
  const AwsPlace place;
  context.host.create = true;
  context.host.runs_commands = options.runs_commands;
  const auto host = TRY(PipelineHost::open(context.host));
  const Ports& ports = host->ports();
  const Logger log = host->context().log.named("serve");

  LongPolls polls;
  SqsService sqs(served_queues(ports.queue), place, polls);
  const std::vector<FunctionInfo> catalog = TRY(function_catalog());
  LogsService logs(host->function_log(), log_groups_of(catalog), place);
  ServedFunctions functions({ports, host->context(), host->invocations()}, catalog, context.host.stop);
  LambdaService lambda(functions, place);
  const auto engine = host->engine(nullptr);
  EngineBackend backend(*engine, host->executions(), ports.clock, polls);
  TRY(provide_machines(backend));
  StepFunctionsService states(backend, place, polls, ports.clock, ports.random, &host->tasks());
  AwsEndpoint endpoint({&sqs, &logs, &states, &lambda},
                       credential ? std::optional(SignatureCheck(*std::move(credential), ports.clock)) : std::nullopt,
                       ports.random, log);
  const auto server = TRY(HttpServer::listen(
      static_cast<std::uint16_t>(options.port),
      [&](const ServerRequest& request, ServerAnswer answer) { endpoint.handle(request, std::move(answer)); }, {}));

  const std::string origin = fmt::format("http://127.0.0.1:{}", server->port());
  print(shell_variables(origin, sqs, environment), server->port(), context.output);
  log.info("serving", {{"address", origin}, {"signatures_checked", checks_signatures}});
  const std::jthread walking([&] { walk_all(*engine, ports.clock, log, context.host.stop); });
  QueueConsumer consumer = queue_consumer(*host);
  std::jthread compaction;
  if (options.compacts) compaction = std::jthread([&] { consumer.serve(context.host.stop); });
  {
    const std::stop_callback answer_the_waiting(context.host.stop, [&] {
      polls.stop();
      lambda.stop();
    });
    server->run(context.host.stop);
  }
  log.info("stopped");
  return kDone;
}

}  // namespace tillite
