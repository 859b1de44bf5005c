#pragma once

#include <unordered_set>
#include <vector>

#include "embedding/batch_plan.h"
#include "steps/batches/batch.h"
#include "steps/batches/text_claims.h"
#include "steps/step.h"
#include "vectors/deltas/delta.h"

namespace tillite {

/// Items on their way into batches. Texts whose vectors are in the cache go into batches that never reach the provider;
/// texts that another batch has on its way wait for it, and so do their items: they are left as they are, for a later
/// run. Fed receipt by receipt; memory: a batch of each kind, a receipt, and some 80 bytes for each text of this run.
class BatchPreparation {
 public:
  /// Whose vectors the batches bring: the active generation's, or those of one that is built beside it
  /// (steps/generations/backfill_claims.h).
  enum class Purpose { active, backfill };
  BatchPreparation(Entity entity, CollectionBinding binding, Purpose purpose, const Ports& ports,
                   const StepContext& context);

  /// The items of one receipt that wait for a vector, with their texts. Batches that are full because of it are
  /// prepared: their rows written, their items claimed, their requests stored.
  [[nodiscard]] Result<void> add(std::vector<BatchItem> receipt_items);
  /// Prepares what is left over.
  [[nodiscard]] Result<void> finish();

  /// Those that won items, in the order in which they were prepared.
  [[nodiscard]] const std::vector<Batch>& batches() const { return batches_; }
  /// Items that were left, because another batch is about to bring their vector.
  [[nodiscard]] std::size_t items_waiting() const { return items_waiting_; }

 private:
  using Plan = std::vector<std::vector<BatchItem>>;
  [[nodiscard]] Result<bool> waits(const BatchItem& item, const TextKey& key);
  [[nodiscard]] Result<void> prepare(Plan plan, VectorSource source);
  [[nodiscard]] Result<void> prepare_one(std::vector<BatchItem> items, VectorSource source);

  Entity entity_;
  CollectionBinding binding_;
  Purpose purpose_;
  const Ports& ports_;
  const StepContext& context_;
  BatchPlanner asked_;   ///< for what the provider is asked
  BatchPlanner cached_;  ///< for what the cache has
  TextsOnTheirWay on_their_way_;
  std::unordered_set<std::string>
      sent_;                            ///< texts in batches that were prepared here: the first 16 bytes of their hash
  std::optional<bool> others_at_work_;  ///< whether there were open batches when this began
  std::vector<Batch> batches_;
  std::size_t items_waiting_ = 0;
};

}  // namespace tillite
