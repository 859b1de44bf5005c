#pragma once

#include <cstdint>

#include "steps/step.h"

namespace tillite {

struct EndedStep {
  Result<Json> result;
  std::int64_t duration_ms = 0;
};

/// Calls a step as every host does: its lines in the log carry the step's name and what the event says of execution,
/// batch, collection and operation; how it ended is logged with its duration.
[[nodiscard]] EndedStep call_step(const NamedStep& named, const Json& event, const Ports& ports, StepContext context);

}  // namespace tillite
