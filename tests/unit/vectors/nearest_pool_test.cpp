#include "vectors/hnsw/nearest_pool.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "vectors/hnsw/seen_nodes.h"

namespace tillite::testing {
namespace {

std::vector<std::uint32_t> nodes_in(const NearestPool& pool) {
  std::vector<std::uint32_t> nodes;
  for (std::size_t i = 0; i < pool.size(); ++i) nodes.push_back(pool.node(i));
  return nodes;
}

/// The same, by the plainest means.
class PlainPool {
 public:
  PlainPool(std::size_t capacity, std::size_t beam) : capacity_(capacity), beam_(beam) {}

  void offer(float distance, std::uint32_t node) {
    entries_.emplace(distance, -std::int64_t{node});
    if (entries_.size() > capacity_) entries_.erase(std::prev(entries_.end()));
  }
  [[nodiscard]] bool has_room_for(float distance) const {
    return entries_.size() < capacity_ || distance < entries_.rbegin()->first;
  }
  std::optional<std::uint32_t> expand_next() {
    std::size_t at = 0;
    for (const auto& [distance, node] : entries_) {
      if (at++ == beam_) break;
      if (expanded_.insert(node).second) return static_cast<std::uint32_t>(-node);
    }
    return std::nullopt;
  }
  [[nodiscard]] std::vector<std::uint32_t> nodes() const {
    std::vector<std::uint32_t> nodes;
    for (const auto& [distance, node] : entries_) nodes.push_back(static_cast<std::uint32_t>(-node));
    return nodes;
  }

 private:
  std::size_t capacity_;
  std::size_t beam_;
  std::set<std::pair<float, std::int64_t>> entries_;
  std::set<std::int64_t> expanded_;
};

TEST(NearestPoolTest, KeepsAndExpandsTheNearestWhateverComesInWhichOrder) {
  std::mt19937_64 random(1);
  NearestPool pool;  // used again and again, as a search does
  for (const std::size_t capacity : {1U, 2U, 7U, 8U, 9U, 100U, 130U}) {
    for (const std::size_t beam : {capacity, (capacity + 1) / 2}) {
      pool.start(capacity, beam);
      PlainPool plain(capacity, beam);
      std::uint32_t node = 0;
      for (int round = 0; round < 200; ++round) {
        std::vector<std::uint32_t> nodes;
        std::vector<float> distances;
        for (std::uint64_t count = random() % 12; count > 0; --count) {
          nodes.push_back(node++);
          distances.push_back(static_cast<float>(random() % 300) / 8);  // some are equal
        }
        for (std::size_t i = 0; i < nodes.size(); ++i) plain.offer(distances[i], nodes[i]);
        const std::size_t one_by_one = nodes.size() / 2;
        for (std::size_t i = 0; i < one_by_one; ++i) pool.offer(distances[i], nodes[i]);
        pool.offer_all(std::span(nodes).subspan(one_by_one), std::span(distances).subspan(one_by_one));
        const auto any = static_cast<float>(random() % 300) / 8;
        ASSERT_EQ(pool.has_room_for(any), plain.has_room_for(any));
        ASSERT_EQ(nodes_in(pool), plain.nodes()) << capacity << ", round " << round;
        ASSERT_EQ(pool.expand_next(), plain.expand_next()) << capacity << ", round " << round;
      }
      while (const auto next = pool.next()) {
        ASSERT_EQ(plain.expand_next(), next);
        ASSERT_EQ(pool.expand_next(), next);
      }
      ASSERT_EQ(plain.expand_next(), std::nullopt);
    }
  }
}

TEST(NearestPoolTest, OfEqualDistancesTheLargerNodeIsNearer) {
  NearestPool pool;
  pool.start(2, 2);
  for (const std::uint32_t node : {5U, 7U, 6U}) pool.offer(1, node);
  EXPECT_EQ(nodes_in(pool), (std::vector<std::uint32_t>{7, 6}));
}

TEST(NearestPoolTest, WhatIsNoNumberIsTheFarthestAndMinusZeroIsZero) {
  NearestPool pool;
  pool.start(3, 3);
  const float no_number = -std::numeric_limits<float>::quiet_NaN();
  for (const auto& [distance, node] : {std::pair(no_number, 1U), {1.0F, 2U}, {-0.0F, 3U}, {0.0F, 4U}}) {
    pool.offer(distance, node);
  }
  EXPECT_EQ(nodes_in(pool), (std::vector<std::uint32_t>{4, 3, 2}));
}

TEST(SeenNodesTest, GiveThoseThatAreNewInTheirOrder) {
  SeenNodes seen;
  seen.start(200);
  EXPECT_TRUE(seen.insert(64));
  EXPECT_FALSE(seen.insert(64));
  std::vector<std::uint32_t> fresh;
  seen.insert_fresh(std::vector<std::uint32_t>{199, 64, 0, 63, 199}, fresh);
  EXPECT_EQ(fresh, (std::vector<std::uint32_t>{199, 0, 63}));
  seen.insert_fresh(std::vector<std::uint32_t>{0, 64}, fresh);
  EXPECT_TRUE(fresh.empty());
  seen.start(200);
  EXPECT_TRUE(seen.insert(64)) << "started anew it is empty";
}

}  // namespace
}  // namespace tillite::testing
