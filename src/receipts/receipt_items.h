#pragma once

#include <map>

#include "ports/table.h"
#include "receipts/receipt.h"

namespace tillite {

/// embedding_status of a line or word.
enum class EmbeddingStatus { none, pending, success, failed, noise };
[[nodiscard]] std::string_view status_name(EmbeddingStatus status);  ///< "NONE", "PENDING", ...
[[nodiscard]] Result<EmbeddingStatus> parse_embedding_status(std::string_view name);
inline constexpr std::array kEmbeddingStatuses = {EmbeddingStatus::none, EmbeddingStatus::pending,
                                                  EmbeddingStatus::success, EmbeddingStatus::failed,
                                                  EmbeddingStatus::noise};

/// Where an item stands on its way into a generation that is built beside the active one. Once that is active, its
/// number and hash say which text the stored vector is of.
struct NextInput {
  std::int64_t generation = 0;  ///< 0: none
  std::string input_hash;       ///< of the text under that generation's format
  BatchId batch_id;             ///< who sends it, if a batch does
  std::int64_t attempts = 0;
  std::string failure_reason;
  std::int64_t deferrals = 0;
  std::int64_t deferred_until_ms = 0;
};

/// Where a line or word stands on its way to a vector (design: items and batches).
struct ItemState {
  EmbeddingStatus status = EmbeddingStatus::none;
  bool status_known = true;           ///< the row has an embedding_status; else it follows from the vector's id
  std::int64_t item_version = 1;      ///< raised when the input text changes or the item is removed
  bool version_known = true;          ///< the row has an item_version; rows of others have none
  std::int64_t metadata_version = 1;  ///< raised when the metadata changes; breaks ties between equal item_versions
  std::string input_hash;             ///< SHA-256 of the text that is sent; empty in data of others: unknown
  std::int64_t input_generation = 1;  ///< under whose format
  BatchId batch_id;                   ///< embedding_batch_id: who claimed it
  std::int64_t attempts = 0;
  std::string failure_reason;
  std::int64_t deferrals = 0;          ///< how often its batch was turned away by a limit of the provider's
  std::int64_t deferred_until_ms = 0;  ///< not sent again before
  bool removed = false;                ///< a tombstone: the row keeps only its keys and versions
  std::int64_t removed_at_ms = 0;
  bool change_waiting = false;  ///< in the outbox: a tombstone or new metadata is to travel in a delta
  NextInput next;

  /// The hash of the text under the format of a generation, or nothing if it is not known.
  [[nodiscard]] std::string_view hash_for(std::int64_t generation) const;
  /// What the item gets when its text changes or it is removed: above all imported versions.
  [[nodiscard]] std::int64_t next_version() const;
};

/// The primary key of the row of a line or word, and of a receipt's RECEIPT row.
[[nodiscard]] ItemKey row_key(const RecordId& id);
[[nodiscard]] ItemKey receipt_row_key(const ImageId& image, int receipt_id);

/// A label that somebody gave to a word (RECEIPT_WORD_LABEL).
struct WordLabel {
  std::string name;
  std::string validation_status;  ///< NONE, PENDING, VALID, INVALID, NEEDS_REVIEW
  std::string proposed_by;
  std::string added_at;                   ///< ISO-8601
  std::optional<double> confidence = {};  ///< of whoever proposed it, when known
};

/// A receipt with the state of each of its lines and words, tombstones included.
struct StoredReceipt {
  Receipt receipt;
  std::map<RecordId, ItemState> states;
  std::map<RecordId, std::vector<WordLabel>> labels;  ///< by word
  std::map<int, std::string> sections;                ///< the section's type (RECEIPT_SECTION), by line_id
  bool has_row = false;                               ///< of its own (RECEIPT): the last that an import writes
};

// Rows as reference data-model documents them (docs/formats/table.md).
[[nodiscard]] Item image_row(const Receipt& receipt, std::int64_t now_ms);
[[nodiscard]] Item receipt_row(const Receipt& receipt, std::int64_t now_ms);
[[nodiscard]] Item metadata_row(const Receipt& receipt);  ///< RECEIPT_METADATA; only for a known merchant
[[nodiscard]] Item line_row(const Receipt& receipt, const Line& line, const ItemState& state);
[[nodiscard]] Item word_row(const Receipt& receipt, const Line& line, const Word& word, const ItemState& state);
/// Brings the stored row of a line or word, whose state is `before`, to `row` of line_row() or word_row(); what others
/// keep in it stays.
[[nodiscard]] Update row_update(const Item& row, const ItemState& before, Condition condition);
/// The row that a removed line or word leaves; `state.removed` must be set. In the outbox if change_waiting.
[[nodiscard]] Item tombstone_row(const RecordId& id, const ItemState& state);

/// GSI1 attributes that put a row of `id` under a status, for an Update's `set`.
[[nodiscard]] Json status_keys(const RecordId& id, EmbeddingStatus status);
/// The hash of the outbox partition (GSI3PK) of an entity: "CHANGE#receipt_lines". GSI3SK is the record id.
[[nodiscard]] std::string outbox_partition(Entity entity);

// What must hold of a row for a write that was worked out from its state; an attribute that it lacks must be lacking.
[[nodiscard]] Clause same_status(const ItemState& state);
[[nodiscard]] Clause same_version(const ItemState& state);
[[nodiscard]] Clause same_batch(const ItemState& state);

/// The state part of a line's, word's or tombstone's row. Attributes that old data lacks read as unknown.
[[nodiscard]] Result<ItemState> item_state(const Item& row);
/// The id of a line's, word's or tombstone's row.
[[nodiscard]] Result<RecordId> record_id_of(const Item& row);

/// All rows of a receipt as one value; nothing if there are none. `corrupt` names a row that cannot be read. A word
/// whose line is gone (a removal that was cut short) is in `states` only. A row without a text has an empty one, which
/// is noise; without a place it lies at 0, 0.
[[nodiscard]] Result<std::optional<StoredReceipt>> load_receipt(Table& table, const ImageId& image, int receipt_id);

}  // namespace tillite
