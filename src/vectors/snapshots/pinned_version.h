#pragma once

#include "vectors/snapshots/pinned_snapshot.h"
#include "vectors/versions/manifest.h"

namespace tillite {

/// All shards of a version, opened for reading; none if no vector was ever published. Threads: any, after open.
class PinnedVersion {
 public:
  /// No version at all.
  PinnedVersion() = default;
  /// Fetches the version's files below `folder` and opens them; with `verify` their checksums are compared. `corrupt`
  /// if something is torn, `not_found` if a file has gone.
  [[nodiscard]] static Result<PinnedVersion> open(ObjectStore& objects, const Manifest& manifest, const Path& folder,
                                                  bool verify);

  [[nodiscard]] const std::vector<PinnedSnapshot>& shards() const { return shards_; }
  /// The number of the only shard that can have a record of this id. There must be shards.
  [[nodiscard]] std::size_t shard_of(const RecordId& id) const;
  /// All that is known of an id, tombstones and waiting metadata too.
  [[nodiscard]] Result<KnownRecord> known(const RecordId& id) const;
  /// The record of an id with its label; nothing for a tombstone and for an id that is not known.
  [[nodiscard]] Result<std::optional<IndexedRecord>> find(const RecordId& id) const;

 private:
  std::vector<PinnedSnapshot> shards_;
};

}  // namespace tillite
