#include "vectors/hnsw/nearest_set.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "vectors/hnsw/distance.h"

namespace tillite::testing {
namespace {

using Nodes = std::vector<Node>;

void offer_all(NearestSet& set, const std::vector<Neighbour>& all) {
  for (std::size_t begin = 0; begin < all.size(); begin += kMatrixRows) {
    std::vector<float> distances;
    Nodes nodes;
    for (std::size_t i = begin; i < std::min(begin + kMatrixRows, all.size()); ++i) {
      distances.push_back(all[i].distance);
      nodes.push_back(all[i].node);
    }
    set.offer(distances, nodes);
  }
}

Nodes nodes_of(const std::vector<Neighbour>& neighbours) {
  Nodes nodes;
  for (const Neighbour& each : neighbours) nodes.push_back(each.node);
  return nodes;
}

TEST(NearestSetTest, KeepsTheNearestOfAnyInAnyOrder) {
  std::mt19937_64 random(1);
  for (const std::size_t count : {1U, 7U, 64U}) {
    for (const std::size_t levels : {3U, 50U, 1'000'000U}) {  // distances: from hardly any to nearly all of their own
      std::vector<Neighbour> all(2000);
      for (Node node = 0; node < all.size(); ++node) all[node] = {static_cast<float>(random() % levels) / 8, node};
      std::ranges::shuffle(all, random);
      NearestSet set(count);
      offer_all(set, all);
      std::ranges::sort(all, std::less<>());
      all.resize(count);
      EXPECT_EQ(nodes_of(set.nearest()), nodes_of(all)) << count << " of " << levels << " distances";
    }
  }
}

TEST(NearestSetTest, OfEqualDistancesTheLargerNodesAreNearer) {
  NearestSet set(3);
  std::vector<Neighbour> all;
  for (Node node = 0; node < 100; ++node) all.push_back({0, node});
  offer_all(set, all);
  EXPECT_EQ(nodes_of(set.nearest()), (Nodes{99, 98, 97}));
}

TEST(NearestSetTest, MayHaveFewerThanItKeeps) {
  NearestSet set(10);
  offer_all(set, {{.distance = 2, .node = 1}, {.distance = 1, .node = 2}});
  EXPECT_EQ(nodes_of(set.nearest()), (Nodes{2, 1}));
}

TEST(NearestSetTest, TellsHowFarTheNearestFewGo) {
  std::mt19937_64 random(2);
  std::vector<Neighbour> all;
  for (Node node = 0; node < 1000; ++node) all.push_back({static_cast<float>(random() % 1'000'000), node});
  NearestSet set(64);
  offer_all(set, all);
  std::ranges::sort(all, std::less<>());
  for (const std::size_t count : {1U, 8U, 32U, 64U}) {
    EXPECT_GE(set.reach(count), all[count - 1].distance) << count;
    EXPECT_LT(set.reach(count), all[count + count / 4].distance) << count;
  }
}

TEST(NearestSetTest, HasNoReachWhileItHasFewer) {
  NearestSet set(10);
  offer_all(set, {{.distance = 2, .node = 1}, {.distance = 1, .node = 2}});
  EXPECT_EQ(set.reach(3), std::numeric_limits<float>::max());
}

}  // namespace
}  // namespace tillite::testing
