#pragma once

#include <memory>
#include <optional>

#include "vectors/deltas/delta.h"

namespace tillite {

/// What a snapshot knows of an id besides what Chroma's tables hold.
struct IndexedRecord {
  RecordId id;
  std::int64_t item_version = 0;
  std::int64_t metadata_version = 0;
  DeltaId delta;                       ///< that brought the vector or the removal
  std::optional<std::uint64_t> label;  ///< of its vector, also its embeddings.id; nothing: a tombstone
  Sum128 vector_hash;                  ///< 0 for a tombstone, as the next
  Sum128 record_hash;
  std::int64_t removed_at_ms = 0;  ///< of a tombstone
  bool operator==(const IndexedRecord&) const = default;
};

/// All that is known of an id: its record or tombstone, and metadata that waits for a vector.
struct KnownRecord {
  std::optional<IndexedRecord> stored;
  std::optional<Record> waiting;
};

/// The records.sqlite3 of a snapshot (docs/formats/snapshot.md), written once (create, open_copy ... finish) or read
/// (open_finished). A new file is written from front to back as long as vectors come in the order of their ids and
/// nothing else is asked. Threads: one at a time.
class RecordIndex {
 public:
  [[nodiscard]] static Result<RecordIndex> create(const Path& file, const CollectionBinding& binding);
  /// Goes on with a copy of an earlier snapshot's file. `corrupt` if it is none, `unsupported` if a newer version wrote
  /// it, `invalid_input` if it belongs to another binding.
  [[nodiscard]] static Result<RecordIndex> open_copy(const Path& file, const CollectionBinding& binding);
  /// A published file, for reading; errors as above.
  [[nodiscard]] static Result<RecordIndex> open_finished(const Path& file, const CollectionBinding& binding);
  RecordIndex(RecordIndex&&) noexcept;
  RecordIndex& operator=(RecordIndex&&) noexcept;
  ~RecordIndex();

  [[nodiscard]] Result<KnownRecord> find(const RecordId& id);
  /// Writes a record or tombstone over what stands there for its id.
  [[nodiscard]] Result<void> put(const IndexedRecord& record);
  /// Writes the metadata that waits for the vector of its item_version, over what waits there.
  [[nodiscard]] Result<void> put_waiting(const Record& metadata);
  [[nodiscard]] Result<void> remove_waiting(const RecordId& id);
  /// Forgets tombstones of items removed before this time.
  [[nodiscard]] Result<void> drop_tombstones(std::int64_t removed_before_ms);

  /// How many labels were ever given: the next one is this + 1.
  [[nodiscard]] Result<std::uint64_t> labels_given();
  [[nodiscard]] Result<void> set_labels_given(std::uint64_t labels);

  struct Totals {
    std::uint64_t vectors = 0;
    std::uint64_t tombstones = 0;
    Sum128 checksum;  ///< sum of the record hashes
    bool operator==(const Totals&) const = default;
  };
  /// What all rows add up to, as every change has kept it up; counted once in a file of an earlier program.
  [[nodiscard]] Result<Totals> totals();
  /// The same counted over all rows.
  [[nodiscard]] Result<Totals> count_totals();
  /// totals().vectors of a finished file.
  [[nodiscard]] Result<std::uint64_t> vectors();

  /// Up to `limit` records with a vector whose ids come after `after`, ascending by id.
  [[nodiscard]] Result<std::vector<IndexedRecord>> page(const RecordId& after, std::size_t limit);

  /// Ends the writing and closes the file; the caller syncs it.
  [[nodiscard]] Result<void> finish();

 private:
  struct Parts;
  Result<void> put_in_sqlite(const IndexedRecord& record);
  explicit RecordIndex(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
