// What every VectorCache must do. Another adapter joins by one more line at the end.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <thread>

#include "adapters/local/sqlite_vector_cache.h"
#include "support/must.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

constexpr std::size_t kNumbers = 256;
constexpr std::uint64_t kVectorBytes = kNumbers * sizeof(float) + 8;  // and its key
constexpr std::int64_t kMsADay = 24 * 3'600'000;

using MakeCache = std::function<std::unique_ptr<VectorCache>(const TempFolder&, Clock& clock, std::uint64_t bytes_max)>;

class VectorCacheContract : public ::testing::TestWithParam<MakeCache> {
 protected:
  static TextKey key(int number) { return TextKey(fmt::format("text-{:03}", number)); }
  static CachedVector entry(int number) {
    return {.key = key(number), .vector = std::vector<float>(kNumbers, static_cast<float>(number))};
  }
  std::unique_ptr<VectorCache> open(std::uint64_t bytes_max = 1 << 20) { return GetParam()(folder, clock, bytes_max); }

  TempFolder folder = TempFolder::in_memory();
  VirtualClock clock;
};

TEST_P(VectorCacheContract, GivesBackWhatWasKeptToTheBitAndNothingElse) {
  const auto cache = open();
  const CachedVector odd{.key = key(7), .vector = {0.1F, -0.0F, 1e-40F, 3.0e38F}};
  must(cache->keep(std::array{odd, entry(2)}));
  const auto vectors = must(cache->read(std::array{key(7), key(1), key(2)}));
  ASSERT_EQ(vectors.size(), 3U);
  EXPECT_EQ(std::as_bytes(std::span(*vectors[0])).size(), 16U);
  EXPECT_EQ(std::memcmp(vectors[0]->data(), odd.vector.data(), 16), 0);
  EXPECT_FALSE(vectors[1].has_value());
  EXPECT_EQ(*vectors[2], entry(2).vector);
  EXPECT_EQ(must(cache->contains(std::array{key(1), key(2)})), (std::vector<bool>{false, true}));
}

TEST_P(VectorCacheContract, KeepsTheFirstVectorOfAText) {
  const auto cache = open();
  must(cache->keep(std::array{entry(1)}));
  must(cache->keep(std::array{CachedVector{.key = key(1), .vector = entry(9).vector}}));
  EXPECT_EQ(*must(cache->read(std::array{key(1)})).front(), entry(1).vector);
}

TEST_P(VectorCacheContract, IsThereAgainWhenItIsOpenedAgain) {
  must(open()->keep(std::array{entry(1)}));
  EXPECT_TRUE(must(open()->contains(std::array{key(1)})).front());
}

TEST_P(VectorCacheContract, NeverHoldsMoreThanItMayAndForgetsWhatWasUsedLongestAgo) {
  constexpr int vectors_max = 1000;
  const auto cache = open(vectors_max * kVectorBytes);
  for (int number = 0; number < vectors_max; ++number) must(cache->keep(std::array{entry(number)}));
  clock.advance(kMsADay);
  static_cast<void>(must(cache->read(std::array{key(0)})));
  must(cache->keep(std::array{entry(vectors_max)}));
  const CacheFacts facts = must(cache->facts());
  EXPECT_LE(facts.bytes, facts.bytes_max);
  EXPECT_GT(facts.vectors, 0U);
  EXPECT_EQ(must(cache->contains(std::array{key(0), key(1), key(vectors_max)})),
            (std::vector<bool>{true, false, true}));
}

TEST_P(VectorCacheContract, CountsWhatItHoldsAndForgetsItAllOnDemand) {
  const auto cache = open();
  must(cache->keep(std::array{entry(1), entry(2)}));
  EXPECT_EQ(must(cache->facts()).vectors, 2U);
  EXPECT_EQ(must(cache->verify()).damaged, 0U);
  must(cache->clear());
  EXPECT_EQ(must(cache->facts()).vectors, 0U);
  EXPECT_EQ(must(cache->facts()).bytes, 0U);
}

TEST_P(VectorCacheContract, ServesSeveralThreads) {
  const auto cache = open();
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 8; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 20; ++i) {
          must(cache->keep(std::array{entry(thread * 100 + i)}));
          EXPECT_TRUE(must(cache->read(std::array{key(thread * 100 + i)})).front().has_value());
        }
      });
    }
  }
  EXPECT_EQ(must(cache->facts()).vectors, 160U);
}

INSTANTIATE_TEST_SUITE_P(Sqlite, VectorCacheContract,
                         ::testing::Values([](const TempFolder& folder, Clock& clock, std::uint64_t bytes_max) {
                           return must(SqliteVectorCache::open(folder / "cache.sqlite3", clock, bytes_max));
                         }));

TEST(SqliteVectorCache, ADamagedVectorIsMissingAndRemoved) {
  const TempFolder folder = TempFolder::in_memory();
  VirtualClock clock;
  const auto cache = must(SqliteVectorCache::open(folder / "cache.sqlite3", clock, 1 << 20));
  must(cache->keep(std::array{CachedVector{.key = TextKey("a"), .vector = {1, 2}},
                              CachedVector{.key = TextKey("b"), .vector = {3, 4}},
                              CachedVector{.key = TextKey("c"), .vector = {5, 6}}}));
  SQLite::Database((folder / "cache.sqlite3").string(), SQLite::OPEN_READWRITE)
      .exec("UPDATE vectors SET vector = x'0000803f00000000' WHERE key <> 'c'");
  EXPECT_FALSE(must(cache->read(std::array{TextKey("a")})).front().has_value());
  EXPECT_FALSE(must(cache->contains(std::array{TextKey("a")})).front());
  EXPECT_EQ(must(cache->verify()).damaged, 1U);
  EXPECT_EQ(must(cache->facts()).vectors, 1U);
}

}  // namespace
}  // namespace tillite::testing
