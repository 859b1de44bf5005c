#pragma once

#include "steps/batches/batch.h"
#include "steps/generations/generation.h"
#include "steps/step.h"

namespace tillite {

/// The binding of the generation that a batch is for, if its vectors are still wanted: the active one, or the
/// candidate, which keeps what was paid for while it is cancelled, too.
[[nodiscard]] Result<std::optional<CollectionBinding>> binding_of_batch(const Batch& batch, const Ports& ports);

/// The same for a batch that is about to be submitted: not if its generation was cancelled, for which nothing more is
/// to be paid.
[[nodiscard]] Result<std::optional<CollectionBinding>> binding_to_submit(const Batch& batch, const Ports& ports);

/// Whether nothing would be lost if a delta's generation were retired before it is merged: it tells changes of items
/// whose rows are there, and settle_generations() tells them again. Not so a damaged one.
[[nodiscard]] Result<bool> can_be_told_again(const ObjectKey& delta, const Ports& ports);

/// Ends a batch whose vectors nobody wants any more: its items are free again, and the provider is told.
[[nodiscard]] Result<void> retire_batch(const Batch& batch, const Ports& ports, const StepContext& context);

/// Makes up for what a swap of generations left behind, whoever was cut off when: the rows say what the root object
/// wants; batches that were prepared for a generation which has become another's predecessor, or was cancelled, end,
/// and their items are free; changes that were written for a retired generation at the last moment are told again.
[[nodiscard]] Result<void> settle_generations(Entity entity, const Ports& ports, const StepContext& context);

struct RemovedGenerations {
  std::size_t generations = 0;
  std::size_t objects = 0;
  std::uint64_t bytes = 0;
};
/// Removes the files of generations that were retired or cancelled longer ago than `retention_ms`. `dry_run` only
/// counts.
[[nodiscard]] Result<RemovedGenerations> remove_generations(Entity entity, std::int64_t retention_ms, bool dry_run,
                                                            const Ports& ports, const StepContext& context);

}  // namespace tillite
