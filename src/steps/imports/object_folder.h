#pragma once

#include "base/file.h"
#include "ports/object_store.h"

namespace tillite {

/// How much may be fetched at once: what lies in a store may come from anybody.
struct FetchLimits {
  std::uint64_t objects_max = 0;
  std::uint64_t bytes_max = 0;
};

/// Copies an object to a file, whose folders are made.
[[nodiscard]] Result<void> fetch_object(ObjectStore& store, const ObjectKey& key, const Path& file);

/// Copies all objects whose keys begin with `prefix`, which ends with '/', below `folder`. `not_found` if there are
/// none, `limit_exceeded` before anything is copied.
[[nodiscard]] Result<void> fetch_folder(ObjectStore& store, const std::string& prefix, const Path& folder,
                                        const FetchLimits& limits);

}  // namespace tillite
