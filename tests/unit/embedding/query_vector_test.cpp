#include "embedding/query_vector.h"

#include <gtest/gtest.h>

#include "adapters/local/sqlite_vector_cache.h"
#include "support/must.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

/// Counts what it is asked for.
class CountingEmbedder final : public TextEmbedder {
 public:
  Result<std::vector<std::vector<float>>> embed(std::string_view model, std::size_t dimensions,
                                                std::span<const std::string> texts) override {
    asked.push_back(fmt::format("{} {} {}", model, dimensions, texts.front()));
    if (failure) return std::unexpected(*failure);
    return std::vector<std::vector<float>>(texts.size(), std::vector<float>(dimensions, 0.5F));
  }
  std::vector<std::string> asked;
  std::optional<Error> failure;
};

/// A cache whose file is gone.
class BrokenCache final : public VectorCache {
 public:
  Result<std::vector<bool>> contains(std::span<const TextKey>) override { return broken(); }
  Result<std::vector<std::optional<std::vector<float>>>> read(std::span<const TextKey>) override { return broken(); }
  Result<void> keep(std::span<const CachedVector>) override { return broken(); }
  Result<CacheFacts> facts() override { return broken(); }
  Result<CacheFacts> verify() override { return broken(); }
  Result<void> clear() override { return broken(); }

 private:
  static std::unexpected<Error> broken() { return fail(Code::corrupt, "the cache is broken"); }
};

class QueryVectorTest : public ::testing::Test {
 protected:
  Result<std::vector<float>> ask(const std::string& text, VectorCache& used) {
    return query_vector(text, binding, embedder, used, log);
  }

  TempFolder folder;
  VirtualClock clock;
  std::unique_ptr<SqliteVectorCache> cache =
      must(SqliteVectorCache::open(folder / "cache.sqlite3", clock, std::uint64_t{1} << 20));
  CollectionBinding binding{.collection = "receipt_lines",
                            .generation = 1,
                            .model = "some-model",
                            .dimensions = 4,
                            .input_format = "line/plain/1"};
  CountingEmbedder embedder;
  std::string logged;
  Logger log = Logger::to([this](std::string_view line) { logged += line; }, LogLevel::warning);
};

TEST_F(QueryVectorTest, AsksForTheCollectionsModelAndKeepsTheAnswer) {
  const auto vector = must(ask("oat milk", *cache));
  EXPECT_EQ(vector, std::vector<float>(4, 0.5F));
  EXPECT_EQ(must(ask("oat milk", *cache)), vector);
  EXPECT_EQ(embedder.asked, (std::vector<std::string>{"some-model 4 oat milk"})) << "the second one costs nothing";
  must(ask("bread", *cache));
  EXPECT_EQ(embedder.asked.size(), 2U);
  EXPECT_EQ(logged, "");
}

TEST_F(QueryVectorTest, AnotherModelsVectorIsAnother) {
  must(ask("oat milk", *cache));
  binding.model = "another-model";
  must(ask("oat milk", *cache));
  EXPECT_EQ(embedder.asked.size(), 2U);
}

TEST_F(QueryVectorTest, ACacheThatDoesNotWorkIsLoggedAndDoneWithout) {
  BrokenCache broken;
  EXPECT_EQ(must(ask("oat milk", broken)).size(), 4U);
  EXPECT_NE(logged.find("the cache is broken"), std::string::npos) << logged;
}

TEST_F(QueryVectorTest, WhatCannotBeEmbeddedIsTheError) {
  embedder.failure = Error(Code::permission, "no key");
  EXPECT_EQ(ask("oat milk", *cache).error().code(), Code::permission);
  embedder.failure.reset();
  EXPECT_TRUE(ask("oat milk", *cache)) << "a failure is not kept";
}

}  // namespace
}  // namespace tillite::testing
