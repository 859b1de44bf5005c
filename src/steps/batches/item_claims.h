#pragma once

#include "steps/batches/batch.h"
#include "steps/step.h"

namespace tillite {

/// What must hold of an item's row for `batch` to move it on: it is PENDING, claimed by this batch, with this text.
[[nodiscard]] Condition claimed_by(const BatchId& batch, const std::string& input_hash);

/// Claims a prepared batch's texts, where the provider is to be asked, and its items (NONE -> PENDING), writes the
/// requests of the texts that were won, and records it in the row. Repeating it, by another process at the same time
/// too, gives the same file: what this batch has claimed already counts as won. A batch that wins nothing ends as
/// CANCELLED. Texts that are too long are cut, or their items FAIL, as the settings say; the row says how many tokens
/// the requests count. The answer is the row as it stands then. `items` may come without their input texts: then they
/// are made of the receipts.
[[nodiscard]] Result<Batch> claim_and_write_requests(const Batch& batch, std::vector<BatchItem> items,
                                                     const CollectionBinding& binding, const Ports& ports,
                                                     const StepContext& context);

/// When an item that was turned away so often may be sent again: each time the pause is twice as long, up to 32 times.
[[nodiscard]] std::int64_t deferred_until_ms(std::int64_t deferrals, std::int64_t now_ms, const Settings& settings);

/// The items of a batch, without their inputs: those that its list names; if that is lost or damaged, those that the
/// batch still has by the table, which takes a look at all that are PENDING.
[[nodiscard]] Result<std::vector<BatchItem>> items_of(const Batch& batch, const Ports& ports);

/// Why items go back, and what that means for their next try.
struct Release {
  std::string reason;
  bool counts_as_attempt = false;
  bool smaller = false;  ///< their batch was more than the provider takes: in a smaller one next time
  bool later = false;    ///< and not at once: others have to end first
};
/// Takes items back from a batch: PENDING -> NONE, or FAILED with the reason once their attempts are used up. Items
/// that the batch no longer has are left alone. The answer: how many went back to NONE, and how many FAILED.
struct Released {
  std::size_t to_none = 0;
  std::size_t failed = 0;
};
[[nodiscard]] Result<Released> release_items(const Batch& batch,
                                             const std::vector<std::pair<BatchItem, Release>>& items,
                                             const Ports& ports, const Settings& settings);

/// A receipt as the table has it.
struct ReceiptRead {
  const StoredReceipt* receipt = nullptr;  ///< nullptr: it is gone, or damaged
  std::string damage;                      ///< why it cannot be read; empty: it can, or is gone
};
/// Calls `each` for every receipt that the items are of, with its items; one receipt in memory. Items of one receipt
/// must be neighbours.
[[nodiscard]] Result<void> for_each_receipt(
    Table& table, const std::vector<BatchItem>& items,
    const std::function<Result<void>(const ReceiptRead& read, std::span<const BatchItem> items)>& each);

}  // namespace tillite
