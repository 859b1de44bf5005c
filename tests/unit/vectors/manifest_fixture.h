#pragma once

#include <algorithm>
#include <set>
#include <thread>

#include "base/uuid.h"
#include "memory_ports.h"
#include "vectors/versions/keys.h"
#include "vectors/versions/manifest.h"

namespace tillite {

/// One collection's manifests in a store in memory.
class ManifestFixture : public ::testing::Test {
 protected:
  CollectionBinding binding{.collection = "receipt_lines",
                            .generation = 1,
                            .model = "test-model",
                            .dimensions = 4,
                            .input_format = "line/plain/1",
                            .shards = 1};
  TestClock clock;
  TestRandom random;
  MemoryObjects objects{clock};
  ManifestLog log{objects, binding.collection, binding.generation};

  [[nodiscard]] static DeltaId delta_id(int number) { return DeltaId(uuid5(fmt::format("delta {}", number))); }

  /// A version that consumes these deltas and follows `base` (nothing: the first). Its shards are new, or only those of
  /// `touched`.
  [[nodiscard]] Manifest successor(const std::optional<Manifest>& base, std::int64_t epoch,
                                   std::vector<DeltaId> added = {}, const std::set<int>& touched = {}) {
    Manifest next = base.value_or(Manifest{.binding = binding});
    next.predecessor = next.number;
    next.predecessor_nonce = base ? base->nonce : "";
    next.number = next.predecessor + 1;
    next.epoch = epoch;
    next.nonce = uuid4(random.bytes());
    next.writer = "test";
    next.created_ms = clock.now_ms();
    next.fence = false;
    const auto folder = snapshot_folder(binding.collection, binding.generation, next.number, epoch, next.nonce);
    std::vector<Manifest::Shard> shards = next.shards;
    shards.resize(static_cast<std::size_t>(binding.shards));
    for (int shard = 0; shard < binding.shards; ++shard) {
      if (base && base->has_snapshot() && !touched.empty() && !touched.contains(shard)) continue;
      shards[static_cast<std::size_t>(shard)] = {
          .folder = shard_folder(folder, shard, binding.shards),
          .files = {{.name = "a.bin", .size_bytes = 1, .checksum = sha256_hex("a")},
                    {.name = "segment/b.bin", .size_bytes = 1, .checksum = sha256_hex("b")}},
          .vectors = 10,
          .tombstones = 0,
          .checksum = Sum128{.high = 1, .low = 2}};
    }
    next.set_shards(std::move(shards));
    next.consumed.insert(next.consumed.end(), added.begin(), added.end());
    std::ranges::sort(next.consumed);
    std::ranges::sort(added);
    next.added = std::move(added);
    return next;
  }
  /// Publishes a successor of the newest version.
  Manifest publish_next(std::int64_t epoch = 1, std::vector<DeltaId> added = {}) {
    const Manifest next = successor(value(log.newest()), epoch, std::move(added));
    value(log.publish(next));
    return next;
  }
  void point_at(std::string_view content) { objects.set(pointer_key(binding.collection, 1), content); }
  void remove_manifest(std::int64_t number) { value(objects.remove(manifest_key(binding.collection, 1, number))); }
  [[nodiscard]] bool has_manifest(std::int64_t number) {
    return objects.has(manifest_key(binding.collection, 1, number));
  }

  template <typename T>
  static void expect_error(const Result<T>& result, Code code) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), code) << result.error().message();
  }
};

}  // namespace tillite
