#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace tillite {

/// What went wrong, as a caller may want to tell it apart. Each code has one exit status and one error name for
/// state machines (error.cpp).
enum class Code {
  invalid_input,   ///< the caller's data: never worth a retry
  usage,           ///< the command line was not understood
  not_found,       ///< the thing named does not exist, and the store says so plainly
  conflict,        ///< somebody else was first: read again, then decide
  unavailable,     ///< the other side failed or is busy: worth a retry
  lock_held,       ///< another holder has the lock: worth a retry later
  lost_lease,      ///< the work must stop: another holder may be writing
  corrupt,         ///< bytes are not what was written
  limit_exceeded,  ///< a documented limit would be passed
  no_space,        ///< the disk or quota is full
  unsupported,     ///< a newer format, or something this build cannot do
  permission,      ///< the other side refuses these credentials or this user
  cancelled,       ///< stopped by request; going on later is safe
  timed_out,       ///< the deadline passed
  failed,          ///< a state machine ended in failure
  internal,        ///< a mistake of ours
};

/// An error: its code, a message that names the thing, the place and the remedy, and the contexts it passed through.
class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  [[nodiscard]] Code code() const { return code_; }
  /// The contexts, outermost first, and the message: "importing a.jsonl: line 3: ...".
  [[nodiscard]] const std::string& message() const { return message_; }
  /// Whether the same call may succeed later without anybody changing anything.
  [[nodiscard]] bool retryable() const;

  /// The same error seen from one step further out.
  [[nodiscard]] Error in(std::string_view context) const;

  /// For errors that carry a name of their own through a state machine (a Fail state's Error).
  [[nodiscard]] Error named(std::string name) const;
  /// The name that a state machine's Retry and Catch match: named()'s, else the code's.
  [[nodiscard]] std::string name() const;

 private:
  Code code_;
  std::string message_;
  std::string name_;
};

/// "Tillite.InvalidInput": the name of a code for Retry and Catch.
[[nodiscard]] std::string_view error_name(Code code);
/// The code with that name; `failed` for a name that is not ours.
[[nodiscard]] Code code_named(std::string_view name);
/// The exit status of a program that ends with this code (docs/cli.md lists them).
[[nodiscard]] int exit_status(Code code);

}  // namespace tillite
