#include "app/function_program.h"

#include <unistd.h>

#include <cstdlib>

#include "app/parts/open_function_ports.h"
#include "base/heap.h"
#include "base/host_names.h"
#include "base/sqlite.h"
#include "lambda/function.h"
#include "lambda/line_output.h"

namespace tillite {
namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string value_of(const std::string& name, const std::string& otherwise) {
  const std::string value = environment(name).value_or("");
  return value.empty() ? otherwise : value;
}

WorkFolders work_folders() {
  return WorkFolders::below(value_of("CHROMA_PERSIST_DIRECTORY", value_of("TMPDIR", "/tmp") + "/chroma"));
}

Result<std::unique_ptr<FunctionPorts>> open_ports(const Logger& log, const PortStops& stops) {
  use_built_in_host_names();
  stop_counting_sqlite_memory();
  return open_function_ports(&environment, work_folders(), log, stops);
}

Result<FunctionParts> function_parts(const HandlerTypes& types) {
  const auto level = parse_log_level(value_of("LOG_LEVEL", "INFO"));
  if (!level) return pass_on(level, "the variable LOG_LEVEL");
  return FunctionParts{.step = TRY(types.step(environment("HANDLER_TYPE"))),
                       .name = value_of("AWS_LAMBDA_FUNCTION_NAME", "function"),
                       .open_ports = &open_ports,
                       .scratch = work_folders().scratch,
                       .log = function_logger(*level),
                       .metrics = [](std::string_view line) { write_line(STDOUT_FILENO, line); }};
}

Result<void> run(const HandlerTypes& types) {
  InvocationWatch watch;
  auto api = TRY(RuntimeApi::at(value_of("AWS_LAMBDA_RUNTIME_API", "")));
  auto parts = function_parts(types);
  if (!parts) {
    TRY(api.fail_init({.type = parts.error().name(), .message = parts.error().message()}));
    return std::unexpected(parts.error());
  }
  const Logger log = parts->log;
  Function function(*std::move(parts), watch);
  return serve_invocations(api, function, watch, log);
}

}  // namespace

int run_function_program(const HandlerTypes& types) {
  set_up_heap();
  const auto ended = run(types);
  if (ended) return EXIT_SUCCESS;
  function_logger(LogLevel::error).error(ended.error().message(), {{"error", ended.error().name()}});
  return EXIT_FAILURE;
}

}  // namespace tillite
