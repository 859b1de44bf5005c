#pragma once

#include <memory>
#include <stop_token>

#include "vectors/hnsw/segment.h"
#include "vectors/merge/record_news.h"
#include "vectors/versions/manifest.h"

namespace tillite {

struct SnapshotMergeInput {
  CollectionBinding binding;
  std::optional<Path> base;  ///< folder of the snapshot to start from, complete; never changed
  /// The base's files, whose checksum is checked while they are read; empty: they were checked before.
  std::vector<Manifest::SnapshotFile> base_files;
  Sum128 base_checksum;
  std::unique_ptr<RecordNews> news;       ///< what to apply; let go as soon as it is
  std::int64_t tombstones_before_ms = 0;  ///< tombstones removed before this time may be dropped
  GraphSettings graph;
};

/// Where a merge spends its time.
struct MergeTimes {
  std::int64_t records_ms = 0;  ///< reading the news, rows of Chroma's tables and of the index
  std::int64_t graph_ms = 0;    ///< the vectors' segment, and beside it all that is left to do for the tables
  std::int64_t files_ms = 0;    ///< putting the other files on the disk, and their checksums
};

struct MergedSnapshot {
  std::vector<Manifest::SnapshotFile> files;  ///< all files below the folder, sorted by name, with size and checksum
  std::uint64_t vectors = 0;
  std::uint64_t tombstones = 0;
  Sum128 checksum;
  std::uint64_t added = 0;       ///< vectors that are new or replaced another
  std::uint64_t removed = 0;     ///< vectors that are gone
  std::uint64_t relabelled = 0;  ///< records that got new metadata only
  SegmentFacts graph;
  MergeTimes times;
};

/// Applies news to a snapshot and writes the result as a new snapshot folder: a Chroma directory (chroma.sqlite3 and
/// the HNSW segment) plus records.sqlite3 (docs/formats/snapshot.md), which holds what Chroma has no place for:
/// item_version, metadata_version, label and hash of each id, tombstones and waiting metadata, and the graph as it is
/// to be gone on with. Asserts that the count and the checksum of what it wrote are what it announces. Besides what is
/// new the cost is one copy of the base's files. `corrupt` if the base is damaged; `cancelled` when `stop` is
/// requested.
[[nodiscard]] Result<MergedSnapshot> merge_into_snapshot(SnapshotMergeInput input, const Path& scratch,
                                                         const Path& folder, std::stop_token stop);

}  // namespace tillite
