#pragma once

#include <memory>

#include "adapters/local/folder_object_store.h"
#include "vectors/merge/snapshot_merge.h"

namespace tillite::bench {

/// What the made-up deltas are bound to.
[[nodiscard]] const CollectionBinding& made_up_binding();

/// The store of a benchmark's folder.
[[nodiscard]] std::unique_ptr<FolderObjectStore> objects_in(const Path& folder);

/// The newest of FOLDER/snapshot-1, -2 ..., of which older ones may be gone; 0: there is none.
[[nodiscard]] int newest_snapshot(const Path& folder);

struct TimedMerge {
  MergedSnapshot merged;
  std::size_t deltas = 0;
  double chunks_s = 0;
  double merge_s = 0;
};
/// Merges the deltas that wait in the folder's store in chunks of 10, two at a time, then into the newest snapshot, as
/// the steps do: FOLDER/snapshot-N, synced and with check sums. The deltas are gone afterwards.
[[nodiscard]] TimedMerge merge_waiting(const Path& folder, std::uint64_t memory_bytes);

}  // namespace tillite::bench
