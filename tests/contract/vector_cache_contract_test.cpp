// What every VectorCache must do. Another adapter joins by one more line at the end.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <ostream>
#include <thread>

#include "adapters/aws/table_vector_cache.h"
#include "adapters/local/sqlite_table.h"
#include "adapters/local/sqlite_vector_cache.h"
#include "support/moto_server.h"
#include "support/must.h"
#include "support/served_table.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

constexpr std::size_t kNumbers = 256;
constexpr std::uint64_t kVectorBytes = kNumbers * sizeof(float) + 8;  // and its key
constexpr std::int64_t kMsADay = 24 * 3'600'000;

struct CacheMaker {
  std::function<std::unique_ptr<VectorCache>(const TempFolder&, Clock& clock, std::uint64_t bytes_max)> make;
  std::function<std::string()> missing = [] { return std::string(); };  ///< why it cannot be had; empty: it can
  bool is_bounded_by_size = true;
};
void PrintTo(const CacheMaker& /*maker*/, std::ostream* out) { *out << "a cache"; }

class VectorCacheContract : public ::testing::TestWithParam<CacheMaker> {
 protected:
  void SetUp() override {
    if (const std::string missing = GetParam().missing(); !missing.empty()) GTEST_SKIP() << missing;
  }
  static TextKey key(int number) { return TextKey(fmt::format("text-{:03}", number)); }
  static CachedVector entry(int number) {
    return {.key = key(number), .vector = std::vector<float>(kNumbers, static_cast<float>(number))};
  }
  std::unique_ptr<VectorCache> open(std::uint64_t bytes_max = 1 << 20) {
    return GetParam().make(folder, clock, bytes_max);
  }

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
  if (!GetParam().is_bounded_by_size) GTEST_SKIP() << "its bound is time";
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
                         ::testing::Values(CacheMaker{[](const TempFolder& folder, Clock& clock,
                                                         std::uint64_t bytes_max) -> std::unique_ptr<VectorCache> {
                           return must(SqliteVectorCache::open(folder / "cache.sqlite3", clock, bytes_max));
                         }}));

/// A cache with the table that it is on.
class CacheOnTable final : public VectorCache {
 public:
  CacheOnTable(std::unique_ptr<Table> table, Clock& clock) : table_(std::move(table)), cache_(*table_, clock) {}
  Result<std::vector<bool>> contains(std::span<const TextKey> keys) override { return cache_.contains(keys); }
  Result<std::vector<std::optional<std::vector<float>>>> read(std::span<const TextKey> keys) override {
    return cache_.read(keys);
  }
  Result<void> keep(std::span<const CachedVector> vectors) override { return cache_.keep(vectors); }
  Result<CacheFacts> facts() override { return cache_.facts(); }
  Result<CacheFacts> verify() override { return cache_.verify(); }
  Result<void> clear() override { return cache_.clear(); }

 private:
  std::unique_ptr<Table> table_;
  TableVectorCache cache_;
};

INSTANTIATE_TEST_SUITE_P(TableOfSqlite, VectorCacheContract,
                         ::testing::Values(CacheMaker{.make =
                                                          [](const TempFolder& folder, Clock& clock, std::uint64_t) {
                                                            return std::make_unique<CacheOnTable>(
                                                                must(SqliteTable::open(folder / "table.sqlite3")),
                                                                clock);
                                                          },
                                                      .is_bounded_by_size = false}));

INSTANTIATE_TEST_SUITE_P(Moto, VectorCacheContract,
                         ::testing::Values(CacheMaker{
                             .make =
                                 [](const TempFolder& folder, Clock& clock, std::uint64_t) {
                                   return std::make_unique<CacheOnTable>(
                                       std::make_unique<ServedTable>(MotoServer::shared().origin(), folder), clock);
                                 },
                             .missing = [] { return MotoServer::available() ? "" : MotoServer::how_to_get(); },
                             .is_bounded_by_size = false}));

class TableVectorCacheTest : public ::testing::Test {
 protected:
  TempFolder folder = TempFolder::in_memory();
  VirtualClock clock;
  std::unique_ptr<Table> table = must(SqliteTable::open(folder / "table.sqlite3"));
  TableVectorCache cache{*table, clock};
  CachedVector vector{.key = TextKey("a"), .vector = {1, 2}};
  ItemKey row{"VECTOR#a", "VECTOR"};
};

TEST_F(TableVectorCacheTest, AVectorWhoseTimeIsOverIsMissingAndMayBeKeptAnew) {
  must(cache.keep(std::array{vector}));
  clock.advance(TableVectorCache::kLifeMs + 1000);
  EXPECT_FALSE(must(cache.contains(std::array{vector.key})).front());
  EXPECT_EQ(must(cache.facts()).vectors, 0U);
  must(cache.keep(std::array{vector}));
  EXPECT_EQ(*must(cache.read(std::array{vector.key})).front(), vector.vector);
}

TEST_F(TableVectorCacheTest, ADamagedVectorIsMissingAndRemoved) {
  for (const Json& damage : {Json("AACAPwAAAAA="), Json("not base64"), Json(7), Json(nullptr)}) {
    must(cache.keep(std::array{vector}));
    must(table->write(Update{row, {{"vector", damage}}}));
    EXPECT_FALSE(must(cache.read(std::array{vector.key})).front().has_value());
    EXPECT_FALSE(must(table->get(row)).has_value());
  }
  must(cache.keep(std::array{vector}));
  must(table->write(Update{row, {{"checksum", "x"}}}));
  EXPECT_EQ(must(cache.verify()).damaged, 1U);
  EXPECT_EQ(must(cache.facts()).vectors, 0U);
}

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
