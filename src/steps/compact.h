#pragma once

#include "steps/step.h"

namespace tillite {

/// Merges everything outstanding of a collection right now, round by round, and completes the batches concerned: what
/// the state machines do after polling, without them. While another publisher has the lock it waits. The answer:
/// {"collection", "deltas_consumed", "version", ...}.
[[nodiscard]] Result<Json> compact_collection(Entity entity, const Ports& ports, const StepContext& context);

}  // namespace tillite
