#pragma once

#include <span>

#include "receipts/receipt_items.h"
#include "steps/batches/batch.h"
#include "steps/batches/item_claims.h"
#include "steps/step.h"

namespace tillite {

// Claims of a batch that fills a generation which is being built. The items keep their status, which tells of the
// active generation; `next_generation`, `next_input_hash` and `next_batch_id` of their rows say who sends which text.
// Whoever changes a receipt meanwhile finds the hash there, and raises the item's version if the text is another one.

/// Whether a row still wants what a backfill batch sends for it: the same version, the same text, nobody else.
[[nodiscard]] bool is_claimed_by(const Batch& batch, const BatchItem& item, const ItemState& state);

/// That what a row says of the generation which is being built is what was read.
[[nodiscard]] Condition next_input_unchanged(const ItemState& state);

/// Claims the items of a prepared backfill batch. The answer: whether each was won, now or by an earlier call.
[[nodiscard]] Result<std::vector<bool>> claim_for_backfill(const Batch& batch, std::span<const BatchItem> items,
                                                           const Ports& ports);

/// As release_items(): the items are free for another batch, or out of attempts.
[[nodiscard]] Result<Released> release_from_backfill(const Batch& batch,
                                                     const std::vector<std::pair<BatchItem, Release>>& items,
                                                     const Ports& ports, const Settings& settings);

/// The update that gives up an item of the batch for good.
[[nodiscard]] Update refuse_for_backfill(const Batch& batch, const BatchItem& item, const std::string& reason,
                                         const Settings& settings);

/// The update that notes which text a generation has of an item, without a batch. `state` is as it was read, `active`
/// the active generation, whose hash is kept.
[[nodiscard]] Update note_input(const RecordId& id, const ItemState& state, std::int64_t active,
                                std::int64_t generation, const std::string& input_hash);

}  // namespace tillite
