#include "vectors/versions/keys.h"

#include <algorithm>
#include <charconv>

#include "base/hash.h"
#include "base/uuid.h"
#include "vectors/records/shard.h"

namespace tillite {
namespace {

constexpr std::string_view kDeltaSuffix = ".tar.gz";
constexpr std::string_view kManifestSuffix = ".json";
constexpr std::size_t kManifestDigits = 20;

/// The last part of a key, if the part before it is `folder` and it ends with `suffix`: without the suffix.
std::optional<std::string_view> name_in(std::string_view key, std::string_view folder, std::string_view suffix) {
  const std::size_t slash = key.rfind('/');
  if (slash == std::string_view::npos || !key.substr(0, slash).ends_with(folder) || !key.ends_with(suffix)) {
    return std::nullopt;
  }
  key.remove_prefix(slash + 1);
  key.remove_suffix(std::min(suffix.size(), key.size()));
  return key;
}

}  // namespace

ObjectKey root_key(std::string_view collection) { return ObjectKey(fmt::format("{}/root.json", collection)); }

std::string generation_folder(std::string_view collection, std::int64_t generation) {
  return fmt::format("{}/g{}/", collection, generation);
}

std::string delta_folder(std::string_view collection, std::int64_t generation) {
  return generation_folder(collection, generation) + "delta/";
}

ObjectKey delta_key(std::string_view collection, std::int64_t generation, const DeltaId& id) {
  return ObjectKey(delta_folder(collection, generation) + id.str() + std::string(kDeltaSuffix));
}

std::optional<DeltaId> delta_id_of(const ObjectKey& key) {
  const auto name = name_in(key.str(), "/delta", kDeltaSuffix);
  if (!name || !is_uuid(*name)) return std::nullopt;
  return DeltaId(std::string(*name));
}

std::string manifest_folder(std::string_view collection, std::int64_t generation) {
  return generation_folder(collection, generation) + "manifest/";
}

ObjectKey manifest_key(std::string_view collection, std::int64_t generation, std::int64_t number) {
  return ObjectKey(
      fmt::format("{}{:0{}}{}", manifest_folder(collection, generation), number, kManifestDigits, kManifestSuffix));
}

std::optional<std::int64_t> manifest_number_of(const ObjectKey& key) {
  const auto name = name_in(key.str(), "/manifest", kManifestSuffix);
  if (!name || name->size() != kManifestDigits) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(name->data(), name->data() + name->size(), number);
  if (error != std::errc() || end != name->data() + name->size() || number < 1) return std::nullopt;
  return number;
}

std::string snapshots_folder(std::string_view collection, std::int64_t generation) {
  return generation_folder(collection, generation) + "snapshot/";
}

std::string snapshot_folder(std::string_view collection, std::int64_t generation, std::int64_t number,
                            std::int64_t epoch, std::string_view nonce) {
  return fmt::format("{}{}-{}-{}/", snapshots_folder(collection, generation), number, epoch, nonce);
}

std::string shard_folder(std::string_view snapshot_folder, int shard, int shards) {
  return shards == 1 ? std::string(snapshot_folder) : fmt::format("{}{}/", snapshot_folder, shard_name(shard, shards));
}

ObjectKey pointer_key(std::string_view collection, std::int64_t generation) {
  return ObjectKey(generation_folder(collection, generation) + "pointer");
}

ObjectKey boundary_key(std::string_view collection, std::int64_t generation) {
  return ObjectKey(generation_folder(collection, generation) + "boundary");
}

ObjectKey intermediate_key(std::string_view run, std::size_t chunk_index, const std::vector<DeltaId>& deltas) {
  std::vector<DeltaId> sorted = deltas;
  std::ranges::sort(sorted);
  Sha256 hash;
  for (const DeltaId& delta : sorted) hash.update(delta.str() + "\n");
  return ObjectKey(fmt::format("intermediate/{}/chunk-{}-{}", run, chunk_index, hash.hex().substr(0, 16)));
}

std::vector<ObjectKey> intermediate_runs(const ObjectKey& intermediate, int shards) {
  if (shards == 1) return {intermediate};
  std::vector<ObjectKey> runs;
  runs.reserve(static_cast<std::size_t>(shards));
  for (int shard = 0; shard < shards; ++shard) {
    runs.emplace_back(fmt::format("{}/{}", intermediate.str(), shard_name(shard, shards)));
  }
  return runs;
}

}  // namespace tillite
