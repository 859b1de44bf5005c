#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "base/log.h"
#include "steps/step.h"

namespace tillite {

/// What a function's step works with: table, stores, queue, provider. The one place at which a deployment differs from
/// another.
class FunctionPorts {
 public:
  virtual ~FunctionPorts() = default;
  [[nodiscard]] virtual const Ports& ports() const = 0;
  [[nodiscard]] virtual const Settings& settings() const = 0;
};

/// Opens them at the first invocation, never before. `stop` ends what they have under way, at the end of an
/// invocation's time; they are not used any more then. An error is the invocation's, and the next one tries again.
using OpenFunctionPorts =
    std::function<Result<std::unique_ptr<FunctionPorts>>(const Logger& log, std::stop_token stop)>;

}  // namespace tillite
