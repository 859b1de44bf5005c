#pragma once

#include "steps/batches/batch.h"
#include "steps/step.h"

namespace tillite {

/// Frees items that are claimed by a batch which has ended, or never was: whoever claimed them was cut off, or came too
/// late, and nobody else would ever look at them. Looks at the claimed items only if they are more than the open
/// batches account for. The answer: how many went back to NONE. Repeating it is harmless.
[[nodiscard]] Result<std::size_t> release_stranded_items(Entity entity, const Ports& ports, const StepContext& context);

}  // namespace tillite
