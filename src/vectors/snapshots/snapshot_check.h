#pragma once

#include <stop_token>

#include "vectors/chroma/chroma_check.h"
#include "vectors/versions/manifest.h"

namespace tillite {

/// Checks a published version, shard by shard: that each file has the size and the checksum of its manifest, all that
/// check_chroma_directory() checks, and record by record that the index, Chroma's tables and the vectors say the same
/// and add up to the manifest's counts and checksum. What is found in one of several shards names it. A finding is no
/// error. `not_found` if the version has no snapshot.
[[nodiscard]] Result<ChromaCheck> check_snapshot(ObjectStore& objects, const Manifest& version, const Path& scratch,
                                                 const std::stop_token& stop);

}  // namespace tillite
