// The program of a Lambda function's zip file and image: one step, named by HANDLER_TYPE. Nothing is opened, read or
// computed before Lambda has been asked for the first invocation: what comes before it is every cold start's.
#include <unistd.h>

#include <cstdlib>

#include "app/parts/open_function_ports.h"
#include "base/heap.h"
#include "base/host_names.h"
#include "base/sqlite.h"
#include "lambda/function.h"
#include "lambda/handler_type.h"
#include "lambda/line_output.h"

namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string value_of(const std::string& name, const std::string& otherwise) {
  const std::string value = environment(name).value_or("");
  return value.empty() ? otherwise : value;
}

tillite::WorkFolders work_folders() {
  return tillite::WorkFolders::below(value_of("CHROMA_PERSIST_DIRECTORY", value_of("TMPDIR", "/tmp") + "/chroma"));
}

tillite::Result<std::unique_ptr<tillite::FunctionPorts>> open_ports(const tillite::Logger& log, std::stop_token stop) {
  tillite::use_built_in_host_names();
  tillite::stop_counting_sqlite_memory();
  return tillite::open_function_ports(&environment, work_folders(), log, std::move(stop));
}

tillite::Result<tillite::FunctionParts> function_parts() {
  const auto level = tillite::parse_log_level(value_of("LOG_LEVEL", "INFO"));
  if (!level) return tillite::pass_on(level, "the variable LOG_LEVEL");
  return tillite::FunctionParts{.step = TRY(tillite::step_of_handler_type(environment("HANDLER_TYPE"))),
                                .name = value_of("AWS_LAMBDA_FUNCTION_NAME", "function"),
                                .open_ports = &open_ports,
                                .scratch = work_folders().scratch,
                                .log = tillite::function_logger(*level),
                                .metrics = [](std::string_view line) { tillite::write_line(STDOUT_FILENO, line); }};
}

tillite::Result<void> run() {
  tillite::InvocationWatch watch;
  auto api = TRY(tillite::RuntimeApi::at(value_of("AWS_LAMBDA_RUNTIME_API", "")));
  auto parts = function_parts();
  if (!parts) {
    TRY(api.fail_init({.type = parts.error().name(), .message = parts.error().message()}));
    return std::unexpected(parts.error());
  }
  const tillite::Logger log = parts->log;
  tillite::Function function(*std::move(parts), watch);
  return tillite::serve_invocations(api, function, watch, log);
}

}  // namespace

int main() {
  tillite::set_up_heap();
  const auto ended = run();
  if (ended) return EXIT_SUCCESS;
  tillite::function_logger(tillite::LogLevel::error).error(ended.error().message(), {{"error", ended.error().name()}});
  return EXIT_FAILURE;
}
