#include <malloc.h>
#include <unistd.h>

#include <cstdlib>

#include "app/command_line.h"
#include "app/interrupt.h"

namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

/// On a terminal the progress line tells what INFO would; elsewhere the log is complete.
std::string default_log_level() { return ::isatty(STDERR_FILENO) != 0 ? "WARNING" : "INFO"; }

void print_error(const tillite::Error& error, bool json) {
  if (json) {
    fmt::print(
        stderr, "{}\n",
        tillite::to_text({{"error", error.name()}, {"message", error.message()}, {"retryable", error.retryable()}}));
  } else {
    fmt::print(stderr, "tillite: {}\n", error.message());
  }
}

tillite::Result<int> run(const tillite::ParsedCommandLine& parsed) {
  const tillite::Interrupt interrupt;
  const auto level = TRY(tillite::parse_log_level(parsed.log_level.empty() ? default_log_level() : parsed.log_level));
  tillite::CommandContext context{
      .output = tillite::Output(parsed.json),
      .host = {.home = parsed.home,
               .log = tillite::Logger::to_stderr(
                   level, parsed.verbose ? tillite::Logger::Form::text : tillite::Logger::Form::json),
               .stop = interrupt.token(),
               .environment = &environment},
      .live_progress = ::isatty(STDOUT_FILENO) != 0};
  return parsed.command(context);
}

}  // namespace

int main(int count, char** arguments) {
  // Large buffers go back to the system when they are freed, whatever was freed before; threads share two heaps.
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_ARENA_MAX, 2);
  const auto parsed = tillite::parse_command_line({arguments + 1, arguments + count}, &environment);
  if (!parsed.command) {
    fmt::print(parsed.exit_status == 0 ? stdout : stderr, "{}", parsed.text);
    return parsed.exit_status;
  }
  const auto status = run(parsed);
  if (status) return *status;
  print_error(status.error(), parsed.json);
  return tillite::exit_status(status.error().code());
}
