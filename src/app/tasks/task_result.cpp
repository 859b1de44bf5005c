#include "app/tasks/task_result.h"

#include <algorithm>

namespace tillite {
namespace {

/// The front of a text, no longer than that, and no character of it cut in two.
std::string_view front_of(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return text.substr(0, end);
}

}  // namespace

Error task_error(std::string_view name, std::string_view cause) {
  return Error(Code::failed, std::string(front_of(cause, kTaskCauseBytesMax)))
      .named(std::string(front_of(name, kTaskErrorBytesMax)));
}

Error call_error(const Error& error, std::string_view unreachable) {
  switch (error.code()) {
    case Code::timed_out:
      return task_error("States.Timeout", error.message());
    case Code::limit_exceeded:
      return task_error("States.DataLimitExceeded", error.message());
    case Code::unavailable:
    case Code::permission:
      return task_error(unreachable, error.message());
    default:
      return error;
  }
}

Result<Json> task_result(std::string_view text, std::string_view invalid_error) {
  if (text.size() > kTaskResultBytesMax) {
    return std::unexpected(task_error("States.DataLimitExceeded",
                                      fmt::format("The task returned a result of {} bytes; at most {} are allowed.",
                                                  text.size(), kTaskResultBytesMax)));
  }
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return Json(nullptr);
  auto result = parse_json(text, "the result");
  if (!result) return std::unexpected(task_error(invalid_error, result.error().message()));
  return result;
}

std::optional<DescribedError> described_error(std::string_view text) {
  const auto json = parse_json(text, "the error");
  if (!json || !json->is_object()) return std::nullopt;
  const auto type = optional_string(*json, "errorType");
  if (!type || !*type || (*type)->empty()) return std::nullopt;
  const auto message = optional_string(*json, "errorMessage");
  return DescribedError{**type, message ? message->value_or("") : ""};
}

}  // namespace tillite
