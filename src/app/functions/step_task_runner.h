#pragma once

#include <functional>

#include "app/functions/step_invoker.h"

namespace tillite {

/// An engine's tasks that are steps of this process.
class StepTaskRunner final : public TaskRunner {
 public:
  /// Hears how every call ended. Called from any thread.
  using Listener = std::function<void(std::string_view function_name, const Result<Json>& result)>;

  StepTaskRunner(const Ports& ports, StepContext context, InvocationLog& invocations, Listener listener)
      : steps_(ports, std::move(context), invocations), listener_(std::move(listener)) {}

  [[nodiscard]] Result<Json> run(const Call& call) override;

 private:
  StepInvoker steps_;
  Listener listener_;
};

}  // namespace tillite
