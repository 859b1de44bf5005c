#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "embedding/batch_plan.h"
#include "ports/object_store.h"
#include "ports/table.h"
#include "receipts/entity.h"
#include "vectors/deltas/delta.h"

namespace tillite {

/// `status` of a batch. pending without an openai_batch_id = prepared, not submitted.
enum class BatchStatus {
  pending,
  validating,
  in_progress,
  finalizing,
  completed,
  failed,
  expired,
  canceling,
  cancelled
};

inline constexpr std::array kOpenStatuses = {BatchStatus::pending, BatchStatus::validating, BatchStatus::in_progress,
                                             BatchStatus::finalizing, BatchStatus::canceling};
inline constexpr std::array kEndedStatuses = {BatchStatus::completed, BatchStatus::failed, BatchStatus::expired,
                                              BatchStatus::cancelled};

[[nodiscard]] std::string_view batch_status_name(BatchStatus status);  ///< "IN_PROGRESS"
[[nodiscard]] Result<BatchStatus> parse_batch_status(std::string_view name);
[[nodiscard]] bool has_ended(BatchStatus status);

/// Where a batch's vectors come from (attribute `source`; absent: batch).
enum class VectorSource {
  batch,  ///< the provider's batch
  call,   ///< the provider's synchronous call, while the submit step waits
  cache   ///< all its texts were paid for already
};
[[nodiscard]] std::string_view source_name(VectorSource source);  ///< "batch"

/// The row BATCH_SUMMARY (docs/formats/table.md). Attributes that old data lacks are empty or zero.
struct Batch {
  BatchId id;
  Entity entity = Entity::line;
  BatchStatus status = BatchStatus::pending;
  VectorSource source = VectorSource::batch;
  std::optional<BatchStatus> status_at_end;  ///< what it ends as once its delta is published
  ProviderBatchId openai_batch_id;           ///< empty: not submitted
  ProviderFileId input_file_id;              ///< empty: nothing uploaded
  ProviderFileId output_file_id;
  ProviderFileId error_file_id;
  std::vector<ProviderFileId>
      files_left;         ///< of an ended batch, to be removed at the provider (steps/batches/provider_files.h)
  std::string items_key;  ///< object that lists all items with their hashes
  /// Object that submit reads: the NDJSON of the texts that were won, or items_key if the cache has them all; empty:
  /// items are still being claimed.
  std::string requests_key;
  std::int64_t item_count = 0;
  std::int64_t request_count = 0;    ///< in its file: one for each text; 0 in rows of older programs
  std::int64_t embedding_count = 0;  ///< vectors in its delta
  std::int64_t generation = 0;
  std::string embedding_format;
  bool backfill = false;  ///< of items that the active generation has, for one that is being built
  DeltaId delta_id;       ///< empty: no delta yet
  std::string delta_key;
  std::string submit_token;  ///< who submits it right now
  std::int64_t submit_until_ms = 0;
  std::int64_t created_ms = 0;
  std::int64_t submitted_ms = 0;  ///< 0: not submitted
  std::int64_t polled_ms = 0;
  std::int64_t token_count = 0;      ///< of its requests; 0 in rows of older programs
  std::int64_t tokens_reserved = 0;  ///< of what may be enqueued of tokens_model (steps/batches/enqueued_tokens.h)
  std::string tokens_model;
  std::string error_summary;

  /// Made by the system before this one: no row of ours is without a generation. Nothing lists its items, nor says how
  /// their texts were formed, so nobody here can collect it (steps/adoption/adoption.h).
  [[nodiscard]] bool is_foreign() const { return generation == 0; }
  [[nodiscard]] bool is_prepared() const { return status == BatchStatus::pending && openai_batch_id.empty(); }
};

[[nodiscard]] ItemKey batch_row_key(const BatchId& id);
[[nodiscard]] Item batch_row(const Batch& batch, const std::vector<BatchItem>& items);
[[nodiscard]] Result<Batch> parse_batch(const Item& row);
/// GSI1 attributes and status, for an Update's `set`.
[[nodiscard]] Json batch_status_keys(const BatchId& id, Entity entity, BatchStatus status);

/// `not_found` if there is no such batch.
[[nodiscard]] Result<Batch> read_batch(Table& table, const BatchId& id);
/// A row that cannot be read. Its batch is passed over, and what it had claimed is free for others
/// (steps/batches/stranded_items.h).
struct UnreadableBatch {
  std::string name;    ///< "BATCH#{id}"
  std::string reason;  ///< why it cannot be read
};
struct BatchesRead {
  std::vector<Batch> batches;
  std::vector<UnreadableBatch> unreadable;
};
/// The batches of an entity in one of these statuses. A row that cannot be read never stops its neighbours.
[[nodiscard]] Result<BatchesRead> read_batches_in(Table& table, Entity entity, std::span<const BatchStatus> statuses);
/// Those of them that can be read.
[[nodiscard]] Result<std::vector<Batch>> batches_in(Table& table, Entity entity, std::span<const BatchStatus> statuses);

/// The list of a batch's items (docs/formats/batch-files.md), without their inputs.
[[nodiscard]] std::string items_text(const std::vector<BatchItem>& items);
[[nodiscard]] Result<std::vector<BatchItem>> read_items(ObjectStore& batch_files, const Batch& batch);

/// Creates an object whose name carries the hash of its content: one that is there already has the same content.
/// The key: "{folder}/{name}-{16 digits of the hash}{suffix}".
[[nodiscard]] Result<ObjectKey> store_by_content(ObjectStore& store, std::string_view folder, std::string_view name,
                                                 std::string_view suffix, std::string_view content);

}  // namespace tillite
