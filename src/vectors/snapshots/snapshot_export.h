#pragma once

#include "vectors/versions/manifest.h"

namespace tillite {

/// What a shard's files are fetched for. Only a merge goes on with the kept graph.
enum class FetchedFor { queries, merge };

/// Fetches the files of a shard as one local folder (copies, or links where the store has files) and checks their
/// sizes; with `verify` their checksums too. `corrupt` names the torn file; a kept graph that is torn or has gone is
/// left out, as a merge can do without.
[[nodiscard]] Result<void> fetch_shard(ObjectStore& objects, const Manifest::Shard& shard, FetchedFor purpose,
                                       const Path& folder, bool verify);

/// Writes a version as a directory that a Chroma server opens: copies, without our own file. Of a collection of several
/// shards each is a directory of its own below `folder`, called by shard_name(). The folder must be absent or empty
/// (`conflict`); it appears complete or not at all. `not_found` if no vector was ever published.
[[nodiscard]] Result<void> export_snapshot(ObjectStore& objects, const Manifest& manifest, const Path& folder);

}  // namespace tillite
