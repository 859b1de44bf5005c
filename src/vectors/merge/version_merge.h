#pragma once

#include <functional>

#include "vectors/merge/snapshot_merge.h"

namespace tillite {

struct VersionMergeInput {
  CollectionBinding binding;
  std::vector<Manifest::Shard> base;  ///< of the version to start from: one for each shard, or none
  /// What is new of a shard's records; called from several threads, for an only shard once and else more than once.
  std::function<Result<std::unique_ptr<RecordNews>>(int shard)> open_news;
  std::int64_t tombstones_before_ms = 0;  ///< tombstones removed before this time may be dropped
  GraphSettings graph;                    ///< memory and threads of all shards together
};

/// A shard with its new content.
struct MergedShard {
  int number = 0;
  Path folder;
  MergedSnapshot snapshot;
};

struct MergedVersion {
  std::vector<MergedShard> shards;  ///< those that changed, ascending
  std::size_t at_once = 1;          ///< merges that ran at the same time
  GraphSettings graph;              ///< what each of them had: its part of the memory and of the threads
  std::int64_t fetch_ms = 0;        ///< getting the base's files, all shards added up
};

/// Merges each shard's news into its snapshot, several shards at the same time: at most as many as there are threads,
/// which share the graph's memory and threads evenly. Writes a snapshot folder below `folder` for each shard that
/// changed. A shard without news stays as it is in the base; without a base every shard is made, empty
/// ones too. The base's files are fetched, and their checksums compared as they are read. If one shard fails the others
/// stop, and the error is that shard's. Memory, errors: as merge_into_snapshot().
[[nodiscard]] Result<MergedVersion> merge_into_version(ObjectStore& objects, VersionMergeInput input,
                                                       const Path& scratch, const Path& folder,
                                                       const std::stop_token& stop);

/// The shards of the next version: the merged ones in folders below `snapshot_folder`, the others the base's.
[[nodiscard]] std::vector<Manifest::Shard> shards_after(const MergedVersion& merged, std::vector<Manifest::Shard> base,
                                                        std::string_view snapshot_folder, int shards);

}  // namespace tillite
