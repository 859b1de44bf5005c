#pragma once

#include "app/functions/step_invoker.h"
#include "server/function_backend.h"

namespace tillite {

/// The pipeline's steps as the functions of a Lambda endpoint.
class ServedFunctions final : public FunctionBackend {
 public:
  /// Calls end, as `cancelled`, soon after `stop` was requested.
  ServedFunctions(StepInvoker steps, std::vector<FunctionInfo> functions, std::stop_token stop);

  [[nodiscard]] const std::vector<FunctionInfo>& functions() const override { return functions_; }
  [[nodiscard]] EndedFunction invoke(FunctionCall call) override;

 private:
  StepInvoker steps_;
  std::vector<FunctionInfo> functions_;
  std::stop_token stop_;
};

}  // namespace tillite
