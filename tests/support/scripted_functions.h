#pragma once

#include <atomic>
#include <functional>

#include "server/function_backend.h"

namespace tillite::testing {

/// One function, "f", that does what it is told to.
class ScriptedFunctions final : public FunctionBackend {
 public:
  bool is_throttled = false;
  std::atomic<bool> may_wait = false;  ///< what the last call said
  std::function<Result<Json>(const Json& event)> work = [](const Json& event) { return event; };

  [[nodiscard]] const std::vector<FunctionInfo>& functions() const override { return functions_; }
  [[nodiscard]] EndedFunction invoke(FunctionCall call) override {
    may_wait = call.may_wait;
    return {.result = work(call.event),
            .log = "START RequestId: " + call.request_id + "\nREPORT RequestId: " + call.request_id + "\n",
            .is_throttled = is_throttled};
  }

 private:
  std::vector<FunctionInfo> functions_ = {{.name = "f",
                                           .is_container = false,
                                           .memory_mb = 256,
                                           .timeout_s = 900,
                                           .storage_mb = 512,
                                           .environment = {{"A", "1"}}},
                                          {.name = "image", .is_container = true}};
};

}  // namespace tillite::testing
