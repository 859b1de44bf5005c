#include "app/tasks/command_task.h"

#include "app/tasks/task_result.h"
#include "base/subprocess.h"

namespace tillite {
namespace {

constexpr std::string_view kScheme = "command:";
constexpr std::size_t kShownErrorBytes = 4096;

std::string_view last_line(std::string_view text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  return text.substr(text.find_last_of('\n') + 1);
}

std::string how_it_ended(int exit_status) {
  if (exit_status > 128) return fmt::format("was ended by signal {}", exit_status - 128);
  return fmt::format("ended with status {}", exit_status);
}

/// What a program that failed says of it.
Error failure_of(const std::string& program, const SubprocessOutcome& outcome) {
  if (const auto described = described_error(last_line(outcome.error_tail))) {
    return task_error(described->type, described->message);
  }
  const std::string_view tail = outcome.error_tail;
  const std::string_view shown = tail.substr(tail.size() - std::min(tail.size(), kShownErrorBytes));
  return task_error("Command.Failed", fmt::format("{} {}{}{}", program, how_it_ended(outcome.exit_status),
                                                  shown.empty() ? "" : ": ", shown));
}

/// Why a program could not be started, or did not come to its own end.
Error error_of(const Error& error) {
  switch (error.code()) {
    case Code::not_found:
    case Code::permission:
      return task_error("Command.NotStarted", error.message());
    case Code::timed_out:
      return task_error("States.Timeout", error.message());
    case Code::limit_exceeded:
      return task_error("States.DataLimitExceeded", error.message());
    default:
      return error;
  }
}

}  // namespace

bool CommandTask::handles(std::string_view resource) { return resource.starts_with(kScheme); }

Result<Json> CommandTask::run(const Call& call) const {
  if (!handles(call.resource)) return fail(Code::invalid_input, "'{}' is no command", call.resource.substr(0, 64));
  SubprocessCall program{.words = TRY(command_words(std::string_view(call.resource).substr(kScheme.size()))),
                         .input = to_text(call.payload),
                         .environment = {{"TILLITE_EXECUTION_ID", call.execution_id}},
                         .withheld = withheld_,
                         .folder = folder_,
                         .timeout_ms = call.timeout_ms,
                         .output_bytes_max = kTaskResultBytesMax};
  const Logger log = log_.with({{"command", program.words.front()}, {"execution", call.execution_id}});
  program.on_error_line = [&](std::string_view line) { log.info(line); };
  const auto outcome = run_subprocess(program, call.stop);
  if (!outcome) return std::unexpected(error_of(outcome.error()));
  if (outcome->exit_status != 0) return std::unexpected(failure_of(program.words.front(), *outcome));
  return task_result(outcome->output, "Command.InvalidOutput");
}

Result<std::vector<std::string>> command_words(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ' || c == '\t') {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c != '\'' && c != '"') {
      words.back() += c;
      continue;
    }
    const auto end = text.find(c, i + 1);
    if (end == std::string_view::npos) {
      return fail(Code::invalid_input, "the quote {} at character {} of the command is not closed", c, i + 1);
    }
    words.back() += text.substr(i + 1, end - i - 1);
    i = end;
  }
  if (words.empty()) return fail(Code::invalid_input, "the command names no program");
  return words;
}

}  // namespace tillite
