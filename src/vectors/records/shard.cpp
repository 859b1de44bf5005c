#include "vectors/records/shard.h"

#include "base/check.h"
#include "base/hash.h"

namespace tillite {
namespace {

std::string_view image_of(std::string_view id) {
  constexpr std::string_view prefix = "IMAGE#";
  if (!id.starts_with(prefix)) return id;
  const std::size_t end = id.find('#', prefix.size());
  return end == std::string_view::npos ? id : id.substr(prefix.size(), end - prefix.size());
}

}  // namespace

int shard_of(const RecordId& id, int shards) {
  check(shards >= 1 && shards <= kShardsMax, "a collection has 1 to 64 shards");
  if (shards == 1) return 0;
  Sha256 hash;
  hash.update(image_of(id.str()));
  return static_cast<int>(Sum128::from_digest(hash.digest()).high % static_cast<std::uint64_t>(shards));
}

std::string shard_name(int shard, int shards) { return fmt::format("shard-{}-of-{}", shard, shards); }

}  // namespace tillite
