#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "adapters/local/system_clock.h"
#include "app/commands/command_line.h"
#include "app/interrupt.h"
#include "base/heap.h"
#include "base/secret.h"
#include "base/sqlite.h"
#include "base/uuid.h"

namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

/// A standard stream that the caller closed must not become the number of a file of the home, which the answer would
/// then be written into. Reading from the stand-in ends at once, writing to it fails and is reported.
void occupy_closed_streams() {
  constexpr std::array streams = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  for (const int stream : streams) {
    if (::fcntl(stream, F_GETFD) == -1) (void)::open("/dev/null", O_RDONLY);  // takes the lowest free number: this one
  }
}

/// On a terminal the progress line tells what INFO would, unless the log was asked for; elsewhere the log is complete.
std::string default_log_level(bool verbose) { return ::isatty(STDERR_FILENO) != 0 && !verbose ? "WARNING" : "INFO"; }

tillite::Result<tillite::LogLevel> log_level(const tillite::ParsedCommandLine& parsed) {
  if (!parsed.log_level.empty()) return tillite::parse_log_level(parsed.log_level);
  const auto variable = environment("LOG_LEVEL").value_or("");
  if (variable.empty()) return tillite::parse_log_level(default_log_level(parsed.verbose));
  const auto level = tillite::parse_log_level(variable);
  if (!level) return tillite::pass_on(level, "the variable LOG_LEVEL");
  return level;
}

/// Whether a line can be rewritten in place.
bool is_live_terminal() { return ::isatty(STDOUT_FILENO) != 0 && environment("TERM").value_or("dumb") != "dumb"; }

/// The environment, in which options stand above variables.
tillite::Environment environment_of(const tillite::ParsedCommandLine& parsed) {
  return [memory = parsed.memory, shards = parsed.shards, direct = parsed.direct_items_max](const std::string& name) {
    if (name == "TILLITE_MEMORY_BYTES" && !memory.empty()) return std::optional(memory);
    if (name == "TILLITE_SHARDS" && !shards.empty()) return std::optional(shards);
    if (name == "DIRECT_ITEMS_MAX" && !direct.empty()) return std::optional(direct);
    return environment(name);
  };
}

/// A standard error that cannot be written is no reason to end otherwise.
void print_error(const tillite::Error& error, bool json) {
  const std::string text =
      json ? tillite::to_text({{"error", error.name()}, {"message", error.message()}, {"retryable", error.retryable()}})
           : "tillite: " + error.message();
  std::fputs((text + "\n").c_str(), stderr);
}

tillite::Result<int> run(const tillite::ParsedCommandLine& parsed) {
  const tillite::Interrupt interrupt;
  const auto level = TRY(log_level(parsed));
  tillite::SystemRandom random;
  const auto form = parsed.verbose ? tillite::Logger::Form::text : tillite::Logger::Form::json;
  tillite::CommandContext context{
      .output = tillite::Output(parsed.json),
      .host = {.home = parsed.home,
               // One id for all that this command logs: several write into one file.
               .log = tillite::Logger::to_stderr(level, form).with({{"request_id", tillite::uuid4(random.bytes())}}),
               .stop = interrupt.token(),
               .environment = environment_of(parsed)},
      .live_progress = is_live_terminal()};
  const int status = TRY(parsed.command(context));
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return tillite::fail(tillite::Code::unavailable,
                         "standard output could not be written: the command was carried out, its answer is lost");
  }
  return status;
}

}  // namespace

int main(int count, char** arguments) {
  tillite::set_up_heap();
  tillite::stop_counting_sqlite_memory();
  occupy_closed_streams();
  if (environment("OPENAI_API_KEY")) tillite::keep_process_private();
  const auto parsed = tillite::parse_command_line({arguments + 1, arguments + count}, &environment);
  if (parsed.mistake) {
    print_error(*parsed.mistake, parsed.json);
    return tillite::exit_status(parsed.mistake->code());
  }
  if (!parsed.command) {
    std::fputs(parsed.text.c_str(), stdout);
    return std::fflush(stdout) == 0 ? 0 : tillite::exit_status(tillite::Code::unavailable);
  }
  const auto status = run(parsed);
  if (status) return *status;
  print_error(status.error(), parsed.json);
  return tillite::exit_status(status.error().code());
}
