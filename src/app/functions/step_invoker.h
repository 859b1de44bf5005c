#pragma once

#include "app/functions/invocation_log.h"
#include "steps/step.h"
#include "workflow/task_runner.h"

namespace tillite {

/// Calls the pipeline's steps in this process as Lambda calls functions: by their names, each call with its lines in
/// the functions' log. Threads: any, several calls at once.
class StepInvoker {
 public:
  /// `ports` and `invocations` must outlive this object.
  StepInvoker(const Ports& ports, StepContext context, InvocationLog& invocations)
      : ports_(ports), context_(std::move(context)), invocations_(invocations) {}

  struct Ended {
    Result<Json> result;
    std::string log;  ///< the lines that the call left
  };
  /// `request_id`: the call's in the log; empty: one of its own. A function that is none has no lines, but the error
  /// Lambda.ResourceNotFoundException.
  [[nodiscard]] Ended invoke(const TaskRunner::Call& call, std::string request_id = {}) const;

 private:
  const Ports& ports_;
  StepContext context_;
  InvocationLog& invocations_;
};

}  // namespace tillite
