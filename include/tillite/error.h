#pragma once

#include <stdexcept>
#include <string>

namespace tillite::v1 {

/// What went wrong, as a caller may want to tell it apart.
enum class ErrorCode {
  invalid_input,   ///< the call cannot be answered as it is: never worth a retry
  not_found,       ///< the home, folder or collection named does not exist
  unavailable,     ///< the disk or another process is in the way: worth a retry
  corrupt,         ///< bytes are not what was written
  limit_exceeded,  ///< a documented limit would be passed
  no_space,        ///< the disk or quota is full
  unsupported,     ///< a newer format, or something this library cannot do
  permission,      ///< this user may not
  internal,        ///< a mistake of ours
};

/// The one exception of this library (besides std::bad_alloc). The message names the thing, the place and the remedy.
class [[gnu::visibility("default")]] Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace tillite::v1
