#pragma once

#include "steps/step.h"

namespace tillite {

/// One round of a compaction: merges the outstanding deltas of a collection, oldest first, at most
/// settings.deltas_per_run of them, and completes the batches concerned. `event` names the collection and the
/// execution. `lock_held` as final_merge says it. The answer: {"generation", "deltas_consumed", "version",
/// "total_embeddings", "batches_completed", "more"}; without a version if nothing was outstanding.
[[nodiscard]] Result<Json> compact_round(const Json& event, const Ports& ports, const StepContext& context);

/// The event of a compaction's rounds; each compaction is an execution of its own.
[[nodiscard]] Json compaction_event(const std::string& collection, Random& random);

/// Merges everything outstanding of a collection right now, round by round, and completes the batches concerned: what
/// the state machines do after polling, without them. While another publisher has the lock it waits. The answer:
/// {"collection", "deltas_consumed", "version", ..., "deltas_consumed_beside"}, the last of a
/// generation that may follow the active one.
[[nodiscard]] Result<Json> compact_collection(Entity entity, const Ports& ports, const StepContext& context);

}  // namespace tillite
