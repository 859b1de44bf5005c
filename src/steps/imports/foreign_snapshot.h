#pragma once

#include <functional>

#include "steps/imports/snapshot_import.h"

namespace tillite {

/// The newest snapshot that the system before this one published of an entity: a Chroma directory behind
/// `{lines|words}/snapshot/latest-pointer.txt`, which holds the name of a folder below `timestamped/` beside it.
struct ForeignSnapshot {
  ObjectKey pointer;
  std::string name;    ///< what the pointer says
  std::string folder;  ///< key prefix, with its '/'
};

/// Nothing if there is no pointer; `corrupt` if it names no folder with a Chroma directory.
[[nodiscard]] Result<std::optional<ForeignSnapshot>> foreign_snapshot(Entity entity, ObjectStore& vectors);

/// Fetches a snapshot into scratch, at most 16 GiB, and hands out its directory and the name of its collection, as long
/// as the call lasts. Refuses as choose_collections() does.
[[nodiscard]] Result<void> with_foreign_snapshot(
    const ForeignSnapshot& snapshot, Entity entity, ObjectStore& vectors, const Path& scratch,
    const std::function<Result<void>(ChromaDirectory& directory, const ChromaCollection& collection)>& use);

}  // namespace tillite
