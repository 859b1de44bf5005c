#pragma once

#include <map>
#include <set>

#include "receipts/receipt_items.h"
#include "steps/batches/batch.h"

namespace tillite {

// What keeps a line or word from its way through the pipeline: found by tillite doctor, mended by tillite adopt.

/// How long a batch may be prepared, or be at the provider without having been polled, before nobody is thought to wait
/// for it any more: the time within which the provider ends each.
inline constexpr std::int64_t kAbandonedAfterMs = 24 * 3'600'000;

/// Whether an open batch is waited for by nobody: prepared and not submitted, or submitted and never polled, for longer
/// than that. One that does not say since when counts as old.
[[nodiscard]] bool is_abandoned(const Batch& batch, std::int64_t now_ms);

/// Who holds the PENDING items of an entity. Memory: a bounded number of batches, and the receipts of foreign batches
/// that are younger than a day. One thread.
class ItemHolders {
 public:
  [[nodiscard]] static Result<ItemHolders> load(Entity entity, Table& table, std::int64_t now_ms);

  /// Why nobody will ever move a PENDING item; nothing if its batch is open, or if it has none and a foreign batch that
  /// may still be waited for names its receipt.
  [[nodiscard]] Result<std::optional<std::string>> why_stuck(const RecordName& name, const ItemState& state);

 private:
  explicit ItemHolders(Table& table) : table_(&table) {}
  Table* table_;
  std::set<std::string> held_receipts_;                        ///< by foreign batches
  std::map<BatchId, std::optional<std::string>> known_fates_;  ///< of batches: why they hold nothing
};

/// What an item's row says that no row should. Several may be true of one.
struct ItemFaults {
  bool status_missing = false;  ///< no find sees it
  bool index_disagrees =
      false;  ///< its index keys are those of another status or item: finds miss it, or meet it in vain
  bool none_is_noise = false;  ///< waits for an embedding of nothing
  bool none_with_id = false;   ///< waits for an embedding, and names one
  bool success_without_id = false;
  std::string stuck;  ///< why it is PENDING for ever; empty: it is not

  /// Whether mended() has something to do.
  [[nodiscard]] bool can_be_mended() const {
    return status_missing || index_disagrees || none_is_noise || !stuck.empty();
  }
};
/// `corrupt` or `invalid_input` for a row that cannot be read.
[[nodiscard]] Result<ItemFaults> faults_of(const Item& row, Entity entity, ItemHolders& holders);

/// The write that mends a row: the status that it should have with the index keys for it, and free of a batch that
/// holds nothing. It happens only if the row still has the status and the batch that were read.
[[nodiscard]] Result<Update> mended(const Item& row, const ItemFaults& faults);

}  // namespace tillite
