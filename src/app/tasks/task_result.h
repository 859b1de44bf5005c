#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/json.h"

namespace tillite {

inline constexpr std::size_t kTaskResultBytesMax = 262'144;  ///< of a state's output, as AWS has it
inline constexpr std::size_t kTaskCauseBytesMax = 32'768;    ///< of an error's Cause, as AWS has it
inline constexpr std::size_t kTaskErrorBytesMax = 256;       ///< of an error's name, as AWS has it

/// A task's failure as Retry and Catch see it: a name for Error, a text for Cause, both cut to what AWS allows.
[[nodiscard]] Error task_error(std::string_view name, std::string_view cause);

/// An error of HttpClient's, that an answer never came or is too large, as a task's failure. `unreachable` is the Error
/// of a connection that failed.
[[nodiscard]] Error call_error(const Error& error, std::string_view unreachable);

/// What a task answered, as JSON; nothing but blanks is null. `invalid_error` is the Error of a text that is no JSON;
/// States.DataLimitExceeded that of one above 262,144 bytes.
[[nodiscard]] Result<Json> task_result(std::string_view text, std::string_view invalid_error);

/// How services and programs describe an error: {"errorType", "errorMessage"}.
struct DescribedError {
  std::string type;
  std::string message;  ///< empty if there is none
};
/// Nothing if the text is no JSON object with a usable errorType.
[[nodiscard]] std::optional<DescribedError> described_error(std::string_view text);

}  // namespace tillite
