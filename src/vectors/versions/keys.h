#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace tillite {

// Where everything of a collection lies in the object store (docs/formats/keys.md). `folder` parts end with '/'.
[[nodiscard]] ObjectKey root_key(std::string_view collection);  ///< "{collection}/root.json"
/// "{collection}/g{generation}/": everything of one generation.
[[nodiscard]] std::string generation_folder(std::string_view collection, std::int64_t generation);
[[nodiscard]] std::string delta_folder(std::string_view collection, std::int64_t generation);
[[nodiscard]] ObjectKey delta_key(std::string_view collection, std::int64_t generation, const DeltaId& id);
/// The id in a delta's key; nothing for another key.
[[nodiscard]] std::optional<DeltaId> delta_id_of(const ObjectKey& key);
[[nodiscard]] std::string manifest_folder(std::string_view collection, std::int64_t generation);
[[nodiscard]] ObjectKey manifest_key(std::string_view collection, std::int64_t generation, std::int64_t number);
/// The number in a manifest's key; nothing for another key.
[[nodiscard]] std::optional<std::int64_t> manifest_number_of(const ObjectKey& key);
[[nodiscard]] std::string snapshots_folder(std::string_view collection, std::int64_t generation);
/// "{collection}/g{generation}/snapshot/{number}-{epoch}-{nonce}/": never shared by two writers.
[[nodiscard]] std::string snapshot_folder(std::string_view collection, std::int64_t generation, std::int64_t number,
                                          std::int64_t epoch, std::string_view nonce);
/// Where a shard's files lie in a version's folder: a folder of its own, or the version's if the shard is the only one.
[[nodiscard]] std::string shard_folder(std::string_view snapshot_folder, int shard, int shards);
[[nodiscard]] ObjectKey pointer_key(std::string_view collection, std::int64_t generation);
[[nodiscard]] ObjectKey boundary_key(std::string_view collection, std::int64_t generation);
/// "intermediate/{run}/chunk-{index}-{hash of the delta ids}"
[[nodiscard]] ObjectKey intermediate_key(std::string_view run, std::size_t chunk_index,
                                         const std::vector<DeltaId>& deltas);
/// The runs of a chunk's intermediate, by shard: its key, or one below it for each of several shards.
[[nodiscard]] std::vector<ObjectKey> intermediate_runs(const ObjectKey& intermediate, int shards);

}  // namespace tillite
