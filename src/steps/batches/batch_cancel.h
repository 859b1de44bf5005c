#pragma once

#include "steps/batches/batch.h"
#include "steps/step.h"

namespace tillite {

/// What became of the wish to cancel a batch.
enum class Cancelling {
  ended,            ///< it had not been submitted: it has ended, its items and texts are free
  asked,            ///< the provider was asked; the next poll finds what came of it
  had_ended,        ///< there was nothing to cancel
  has_vectors,      ///< its vectors have arrived and wait for a merge
  being_submitted,  ///< another process does so right now: try again
};
[[nodiscard]] std::string_view cancelling_name(Cancelling cancelling);  ///< "ended", "asked", ...

/// Cancels a batch wherever it stands, after a crash of its submit too. Repeating it is harmless. `not_found` if there
/// is no such batch. Cut off, it is made up for by the next poll, or by another call.
[[nodiscard]] Result<Cancelling> cancel_batch(const BatchId& id, const Ports& ports, const StepContext& context);

/// Whether a batch was cancelled before it was submitted, and whoever did it was cut off.
[[nodiscard]] bool is_half_cancelled(const Batch& batch);
/// Frees the items and texts of such a batch, and ends it; how many items went back.
[[nodiscard]] Result<std::size_t> finish_cancelling(const Batch& batch, const Ports& ports, const StepContext& context);

}  // namespace tillite
