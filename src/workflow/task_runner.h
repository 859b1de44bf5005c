#pragma once

#include <stop_token>
#include <string>

#include "base/json.h"

namespace tillite {

/// What a Task state calls: by AWS's names, whoever stands behind them.
class TaskRunner {
 public:
  virtual ~TaskRunner() = default;

  struct Call {
    std::string function_name;  ///< "embedding-line-find", of a function's name or ARN; empty for other resources
    Json payload;               ///< what the function or resource is given
    std::string execution_id;
    std::stop_token stop;  ///< requested: end soon, with `cancelled`
    std::string resource;  ///< the state's whole Resource
    std::string token;     ///< of a task that ends by its token: for who is to send it back
  };
  /// The function's result. An error's name() is the Error that Retry and Catch match, its message() the Cause.
  /// `cancelled` ends the walk without recording a failure: the execution goes on later.
  /// Threads: any, several calls at once.
  [[nodiscard]] virtual Result<Json> run(const Call& call) = 0;
};

}  // namespace tillite
