#pragma once

#include "steps/batches/batch.h"
#include "steps/step.h"
#include "vectors/deltas/delta.h"

namespace tillite {

/// Delivers a batch that needs no batch of the provider's: its vectors come from the cache, and, if its source is the
/// synchronous call, from there for texts that are not in the cache. The batch has a delta afterwards, or has ended;
/// items whose vector is in neither go back. So do those whose text the call refuses for good (`invalid_input`,
/// `limit_exceeded`, `not_found`), with the provider's reason and one attempt less; all other errors are the caller's.
/// The answer: how many items got a vector. Memory: some vectors, not all.
[[nodiscard]] Result<std::size_t> deliver_at_once(const Batch& batch, const CollectionBinding& binding,
                                                  const Ports& ports, const StepContext& context);

}  // namespace tillite
