#pragma once

#include "steps/batches/batch.h"
#include "steps/step.h"
#include "vectors/versions/manifest.h"

namespace tillite {

struct Completion {
  std::size_t batches = 0;      ///< that ended now
  std::size_t items = 0;        ///< that became SUCCESS now
  std::size_t quarantined = 0;  ///< batches whose delta could not be read: their items went back
  std::size_t unreadable = 0;   ///< batches whose row, or what they delivered, cannot be read: the others go on
};

/// Ends the batches whose deltas a published version has consumed: their items become SUCCESS, each only if it is still
/// PENDING for that batch and text; then the batch ends. Derived from the manifest alone, so any later call makes up
/// for one that was cut off. Items of a quarantined delta go back to be embedded again.
[[nodiscard]] Result<Completion> complete_consumed(Entity entity, const Manifest& manifest, const Ports& ports,
                                                   const StepContext& context);

/// The same for the newest versions of the active generation and of the candidate.
[[nodiscard]] Result<Completion> complete_all(Entity entity, const Ports& ports, const StepContext& context);

/// Ends a batch of which no delta will come, or whose delta is published: status and reason. What it still has at the
/// provider, tokens and files, is given back, or noted to be. One that has changed since `batch` was read stays as it
/// is.
[[nodiscard]] Result<void> end_batch(const Batch& batch, BatchStatus status, const std::string& reason,
                                     const Ports& ports, const Settings& settings);

}  // namespace tillite
