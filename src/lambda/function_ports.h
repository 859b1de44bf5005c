#pragma once

#include <functional>
#include <memory>

#include "base/log.h"
#include "ports/port_stops.h"
#include "steps/step.h"

namespace tillite {

/// What a function's step works with: table, stores, queue, provider. The one place at which a deployment differs from
/// another.
class FunctionPorts {
 public:
  virtual ~FunctionPorts() = default;
  [[nodiscard]] virtual const Ports& ports() const = 0;
  [[nodiscard]] virtual const Settings& settings() const = 0;
  /// Whether they are what would be opened now. False: what they were chosen by has changed meanwhile, such as the
  /// models that the collections have. Asked before each invocation that uses them again.
  [[nodiscard]] virtual Result<bool> are_current() = 0;
};

/// Opens them at the first invocation, never before, and anew when they are not current any more. `stops` end what they
/// have under way, at the end of an invocation's time; they are not used any more then. An error is the invocation's,
/// and the next one tries again.
using OpenFunctionPorts =
    std::function<Result<std::unique_ptr<FunctionPorts>>(const Logger& log, const PortStops& stops)>;

}  // namespace tillite
