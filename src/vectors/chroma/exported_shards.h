#pragma once

#include <vector>

#include "base/file.h"

namespace tillite {

/// The Chroma directories of an export, in the order of their shards: the folder itself, or the folders in it that are
/// called by shard_name(). A folder that has neither is answered as it is: whoever opens it says what is missing.
/// `not_found` names a shard that is missing, `invalid_input` shards of several exports in one folder.
[[nodiscard]] Result<std::vector<Path>> exported_shards(const Path& folder);

}  // namespace tillite
