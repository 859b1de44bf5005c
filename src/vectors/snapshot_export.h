#pragma once

#include "vectors/manifest.h"

namespace tillite {

/// Fetches the files of a shard as one local folder (copies, or links where the store has files) and checks their
/// sizes; with `verify` their checksums too. `corrupt` names the torn file.
[[nodiscard]] Result<void> fetch_shard(ObjectStore& objects, const Manifest::Shard& shard, const Path& folder,
                                       bool verify);

/// Writes a version as a directory that a Chroma server opens: copies, without our own file. Of a collection of several
/// shards each is a directory of its own below `folder`, called by shard_name(). The folder must be absent or empty
/// (`conflict`); it appears complete or not at all. `not_found` if no vector was ever published.
[[nodiscard]] Result<void> export_snapshot(ObjectStore& objects, const Manifest& manifest, const Path& folder);

}  // namespace tillite
