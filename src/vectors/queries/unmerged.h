#pragma once

#include "ports/object_store.h"
#include "vectors/snapshots/pinned_version.h"
#include "vectors/snapshots/record_change.h"

namespace tillite {

/// What a delta that is not merged yet makes of an id, seen over a version.
struct UnmergedRecord {
  RecordId id;
  Effect effect = Effect::vector;             ///< never `nothing`; a tombstone only where the version has a vector
  std::size_t shard = 0;                      ///< of the version, that the id belongs to
  std::optional<std::uint64_t> stored_label;  ///< of the shard's vector for this id
  std::int64_t item_version = 0;
  Json metadata = Json::object();
  std::string document;
  std::size_t row = 0;  ///< of its vector among the unmerged ones; effect vector only
};

/// The deltas that no version has consumed, merged with each other and compared with one.
/// Metadata and documents are in memory, vectors in a mapped file below `scratch`. Threads: any, after read().
class Unmerged {
 public:
  /// Nothing unmerged.
  Unmerged() = default;
  /// Reads the deltas. `not_found` if one of them has gone.
  [[nodiscard]] static Result<Unmerged> read(ObjectStore& objects, const CollectionBinding& binding,
                                             const std::vector<DeltaId>& deltas, const PinnedVersion& version,
                                             const Path& scratch);

  /// Ascending by id.
  [[nodiscard]] const std::vector<UnmergedRecord>& records() const { return records_; }
  /// Nullptr if no delta changes this id.
  [[nodiscard]] const UnmergedRecord* find(const RecordId& id) const;
  [[nodiscard]] std::span<const float> vector_of(const UnmergedRecord& record) const;
  /// Deltas that could not be read.
  [[nodiscard]] const std::vector<DeltaId>& unreadable() const { return unreadable_; }

 private:
  std::vector<UnmergedRecord> records_;
  std::vector<DeltaId> unreadable_;
  std::optional<MappedFile> vectors_;
  std::size_t dimensions_ = 0;
};

}  // namespace tillite
