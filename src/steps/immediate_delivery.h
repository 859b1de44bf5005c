#pragma once

#include "steps/batch.h"
#include "steps/step.h"
#include "vectors/delta.h"

namespace tillite {

/// Delivers a batch that needs no batch of the provider's: its vectors come from the cache, and, if its source is the
/// synchronous call, from there for texts that are not in the cache. The batch has a delta afterwards, or has ended;
/// items whose vector is in neither go back. The answer: how many items got a vector. Memory: some vectors, not all.
[[nodiscard]] Result<std::size_t> deliver_at_once(const Batch& batch, const CollectionBinding& binding,
                                                  const Ports& ports, const StepContext& context);

}  // namespace tillite
