#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "app/functions/function_catalog.h"
#include "base/log.h"
#include "ports/clock.h"
#include "ports/function_log.h"

namespace tillite {

/// One call of a function, from its beginning to its end.
struct Invocation {
  std::string function_name;
  std::string request_id;
  std::chrono::steady_clock::time_point started;
  std::string log;  ///< its lines so far
};

/// The log group of a function: "/aws/lambda/embedding-vector-compact".
[[nodiscard]] std::string log_group_of(std::string_view function_name);

/// Writes the lines START, END and REPORT that Lambda writes for each call, and before END what went wrong. Memory is
/// what the function has on AWS, and the most that this process used so far. Threads: any. Never fails: what cannot be
/// written is warned of once a call.
class InvocationLog {
 public:
  InvocationLog(FunctionLog& log, Clock& clock, Random& random, Logger logger, std::vector<FunctionInfo> functions);

  /// Without a `request_id` it has one of its own.
  [[nodiscard]] Invocation begin(std::string_view function_name, std::string request_id = {});
  /// `error`: nullptr if it did well.
  void end(Invocation& invocation, const Error* error);

 private:
  void write(Invocation& invocation, const std::vector<std::string>& messages);
  [[nodiscard]] std::int64_t memory_mb_of(std::string_view function_name) const;

  FunctionLog& log_;
  Clock& clock_;
  Random& random_;
  Logger logger_;
  std::vector<FunctionInfo> functions_;
  std::string stream_id_;  ///< of this process
};

}  // namespace tillite
