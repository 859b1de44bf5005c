#pragma once

#include <expected>
#include <optional>
#include <string>

#include "base/result.h"
#include "expressions/value.h"

namespace tillite {

/// Why a state, a task or an execution failed: what Retry and Catch match, and what the history shows. Not an Error:
/// it belongs to the walk, which goes on with it.
struct Failure {
  std::string error;                 ///< "States.Timeout", "Exception"; may be empty
  std::optional<std::string> cause;  ///< absent where AWS shows none
  /// The field whose JSONata failed ("Output/result"), for the EvaluationFailed event; set for evaluation errors only.
  std::optional<std::string> location;
  bool terminal = false;    ///< neither Retry nor Catch gets to see it
  bool evaluation = false;  ///< of an expression: the cause still lacks the state's name

  /// Of the named error of an expression (base/error.h): its message is the cause.
  [[nodiscard]] static Failure of(const Error& error);
};

/// A value, or the failure in its place.
using Outcome = std::expected<Value, Failure>;

/// The error names that AWS reserves.
namespace errors {
inline constexpr const char* kAll = "States.ALL";
inline constexpr const char* kBranchFailed = "States.BranchFailed";
inline constexpr const char* kDataLimitExceeded = "States.DataLimitExceeded";
inline constexpr const char* kExceedToleratedFailureThreshold = "States.ExceedToleratedFailureThreshold";
inline constexpr const char* kHeartbeatTimeout = "States.HeartbeatTimeout";
inline constexpr const char* kItemReaderFailed = "States.ItemReaderFailed";
inline constexpr const char* kNoChoiceMatched = "States.NoChoiceMatched";
inline constexpr const char* kQueryEvaluationError = "States.QueryEvaluationError";
inline constexpr const char* kResultWriterFailed = "States.ResultWriterFailed";
inline constexpr const char* kRuntime = "States.Runtime";
inline constexpr const char* kTaskFailed = "States.TaskFailed";
inline constexpr const char* kTimeout = "States.Timeout";
}  // namespace errors

}  // namespace tillite
