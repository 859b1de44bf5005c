#pragma once

#include "steps/step.h"
#include "vectors/deltas/delta.h"

namespace tillite {

/// Writes what changed without a need for the provider (removed items, new metadata) as deltas: the rows in the outbox
/// of an entity, at most 5,000 a delta. A generation that is being built beside `binding` is told the same, in deltas
/// of its own. A delta's id is derived from its content and it is created only if absent, and a row leaves the outbox
/// only if it still is what was written: a crash or a repeat in between does no harm. The answer: the ids of the deltas
/// of `binding`.
[[nodiscard]] Result<std::vector<DeltaId>> write_change_deltas(Entity entity, const CollectionBinding& binding,
                                                               const Ports& ports, const StepContext& context);

}  // namespace tillite
