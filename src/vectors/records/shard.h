#pragma once

#include <string>

#include "base/ids.h"

namespace tillite {

// A generation of a collection may consist of several shards: parts by the hash of the receipt, each with a snapshot of
// its own, all published by one manifest (docs/formats/shard.md).

inline constexpr int kShardsMax = 64;

/// The shard of a record, 0 to `shards` - 1: the first eight bytes of the SHA-256 of its image's id, as a big-endian
/// number, modulo `shards`. The image's id is what stands between "IMAGE#" and the next '#'; of an id without these, it
/// is the id as a whole. So all records of a receipt are in one shard.
[[nodiscard]] int shard_of(const RecordId& id, int shards);

/// "shard-0-of-3": the folder of a shard, in snapshots and exports. It says by itself whether others are missing.
[[nodiscard]] std::string shard_name(int shard, int shards);

}  // namespace tillite
