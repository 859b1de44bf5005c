#pragma once

#include <functional>

#include "app/invocation_log.h"
#include "steps/step.h"
#include "workflow/task_runner.h"

namespace tillite {

/// Runs the pipeline's steps in this process, by their function names.
class StepTaskRunner final : public TaskRunner {
 public:
  /// Hears how every call ended. Called from any thread.
  using Listener = std::function<void(std::string_view function_name, const Result<Json>& result)>;

  StepTaskRunner(const Ports& ports, StepContext context, InvocationLog& invocations, Listener listener)
      : ports_(ports), context_(std::move(context)), invocations_(invocations), listener_(std::move(listener)) {}

  [[nodiscard]] Result<Json> run(const Call& call) override;

 private:
  const Ports& ports_;
  StepContext context_;
  InvocationLog& invocations_;
  Listener listener_;
};

}  // namespace tillite
