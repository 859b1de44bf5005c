#pragma once

#include "ports/clock.h"
#include "ports/table.h"
#include "vectors/versions/publish_lock.h"

namespace tillite {

struct RetentionSettings {
  std::int64_t snapshot_ms = 24 * 3'600'000;      ///< how long a version stays readable after its successor appeared
  std::int64_t intermediate_ms = 24 * 3'600'000;  ///< age of intermediates that nobody published
  std::int64_t upload_ms = 24 * 3'600'000;        ///< age of snapshot folders that no manifest names, of older epochs
};

struct GarbageReport {
  std::size_t deltas = 0;
  std::size_t manifests = 0;
  std::size_t snapshot_folders = 0;
  std::size_t intermediates = 0;
  std::uint64_t bytes = 0;
};

/// Removes what no reader and no writer needs any more, in the order that a crash cannot hurt: objects of consumed
/// deltas (then their ids leave the consumed set through a published manifest), the boundary raised, manifests below
/// it, snapshot folders that only those named or nobody names, old intermediates. Takes the publish lock. `dry_run`
/// only counts.
[[nodiscard]] Result<GarbageReport> collect_garbage(Table& table, ObjectStore& objects, Clock& clock, Random& random,
                                                    const CollectionBinding& binding,
                                                    const RetentionSettings& retention, LockSettings lock,
                                                    bool dry_run);

}  // namespace tillite
