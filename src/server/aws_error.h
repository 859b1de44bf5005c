#pragma once

#include <string_view>

#include "base/result.h"

namespace tillite {

// Errors that AWS's programs tell apart by their names travel as Error::named().

/// An error of the caller's that AWS calls `name`.
[[nodiscard]] std::unexpected<Error> aws_error(std::string_view name, std::string message);

/// ValidationException for a parameter's value, in AWS's words.
[[nodiscard]] std::unexpected<Error> constraint_error(std::string_view parameter, std::string_view constraint);

/// The same error under AWS's name, if it has this code.
[[nodiscard]] Error with_aws_name(const Error& error, Code code, std::string_view name);

/// An error as it goes over the wire.
struct WireError {
  std::string name;        ///< in the JSON protocols: "QueueDoesNotExist"
  std::string query_code;  ///< in the query protocol: "AWS.SimpleQueueService.NonExistentQueue"
  unsigned status = 400;   ///< of HTTP
  std::string message;
};
/// Errors without a name of AWS's become ValidationException where the caller is wrong, else ServiceUnavailable
/// (clients try again) or InternalFailure.
[[nodiscard]] WireError wire_error(const Error& error);

}  // namespace tillite
