#include "vectors/snapshots/pinned_version.h"

#include "vectors/records/shard.h"
#include "vectors/snapshots/snapshot_export.h"
#include "vectors/versions/keys.h"

namespace tillite {

Result<PinnedVersion> PinnedVersion::open(ObjectStore& objects, const Manifest& manifest, const Path& folder,
                                          bool verify) {
  PinnedVersion version;
  for (const Manifest::Shard& shard : manifest.shards) {
    const Path place = folder / shard_folder("", static_cast<int>(version.shards_.size()), manifest.binding.shards);
    TRY(fetch_shard(objects, shard, FetchedFor::queries, place, verify));
    version.shards_.push_back(TRY(PinnedSnapshot::open(place, manifest.binding)));
  }
  return version;
}

std::size_t PinnedVersion::shard_of(const RecordId& id) const {
  return static_cast<std::size_t>(tillite::shard_of(id, static_cast<int>(shards_.size())));
}

Result<KnownRecord> PinnedVersion::known(const RecordId& id) const {
  return shards_.empty() ? KnownRecord() : shards_[shard_of(id)].known(id);
}

Result<std::optional<IndexedRecord>> PinnedVersion::find(const RecordId& id) const {
  return shards_.empty() ? std::nullopt : shards_[shard_of(id)].find(id);
}

}  // namespace tillite
