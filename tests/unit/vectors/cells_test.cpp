#include "vectors/hnsw/cells.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "code_fixture.h"

namespace tillite::testing {
namespace {

constexpr std::size_t kDimensions = 256;
constexpr std::size_t kCount = 10;
constexpr std::uint64_t kSeed = 5;

std::vector<Neighbour> nearest_by_scan(const Codes& codes, Node node, Node end) {
  std::vector<Neighbour> all;
  for (Node other = 0; other < end; ++other) {
    if (other != node) all.push_back({codes.distance(node, other), other});
  }
  std::ranges::sort(all, std::less<>());
  all.resize(std::min(all.size(), kCount));
  return all;
}

std::vector<Node> nodes_of(const std::vector<Neighbour>& neighbours) {
  std::vector<Node> nodes;
  for (const Neighbour& each : neighbours) nodes.push_back(each.node);
  return nodes;
}

std::vector<Node> nodes_between(Node begin, Node end) {
  std::vector<Node> nodes(end - begin);
  std::iota(nodes.begin(), nodes.end(), begin);
  return nodes;
}

TEST(CellsTest, FindTheNearestOfAllWhereAllAreCompared) {
  const Codes codes = clustered_codes(300, kDimensions, 4);
  ThreadTeam threads(2);
  Cells cells(codes, kSeed);
  Node begin = 0;
  for (const Node end : {1U, 64U, 150U, 300U}) {
    std::set<Node> asked;
    for (const auto& [node, nearest] :
         cells.add_and_search(nodes_between(std::exchange(begin, end), end), kCount, 1000, threads)) {
      asked.insert(node);
      EXPECT_EQ(nodes_of(nearest), nodes_of(nearest_by_scan(codes, node, end))) << node;
    }
    EXPECT_EQ(*asked.rbegin(), end - 1);
  }
}

TEST(CellsTest, FindNearlyAllOfTheNearestWhereAFifthIsCompared) {
  constexpr Node kNodes = 4000;
  const Codes codes = clustered_codes(kNodes, kDimensions, 20);
  ThreadTeam threads(2);
  Cells cells(codes, kSeed);
  cells.add(nodes_between(0, kNodes / 2), threads);
  std::size_t found = 0;
  for (const auto& [node, nearest] :
       cells.add_and_search(nodes_between(kNodes / 2, kNodes), kCount, kNodes / 5, threads)) {
    const auto exact = nearest_by_scan(codes, node, kNodes);
    for (const Neighbour& each : exact)
      found += static_cast<std::size_t>(std::ranges::count(nodes_of(nearest), each.node));
  }
  EXPECT_GT(static_cast<double>(found) / (kNodes / 2 * kCount), 0.97);
}

TEST(CellsTest, FindClustersThatAreFarMoreThanPivotsAreDrawn) {
  constexpr Node kNodes = 3000;
  constexpr Node kAtOnce = 300;
  constexpr std::size_t kNeighbours = 6;  // of a node in the end, in a cluster of about 20
  const Codes codes = clustered_codes(kNodes, kDimensions, 150);
  ThreadTeam threads(2);
  Cells cells(codes, kSeed);
  std::size_t found = 0;
  for (Node begin = 0; begin < kNodes; begin += kAtOnce) {
    found = 0;  // those of the last ones count
    for (const auto& [node, nearest] :
         cells.add_and_search(nodes_between(begin, begin + kAtOnce), kCount, 250, threads)) {
      auto exact = nearest_by_scan(codes, node, begin + kAtOnce);
      exact.resize(kNeighbours);
      for (const Neighbour& each : exact)
        found += static_cast<std::size_t>(std::ranges::count(nodes_of(nearest), each.node));
    }
  }
  EXPECT_GT(static_cast<double>(found) / (kAtOnce * kNeighbours), 0.88);
}

TEST(CellsTest, HoldOnlyTheNodesThatWereAdded) {
  const Codes codes = clustered_codes(400, kDimensions, 4);
  ThreadTeam threads(2);
  Cells cells(codes, kSeed);
  std::vector<Node> fours;
  for (Node node = 0; node < 400; node += 4) fours.push_back(node);
  std::set<Node> met;
  for (const auto& [node, nearest] : cells.add_and_search(fours, kCount, 1000, threads)) {
    met.insert(node);
    for (const Neighbour& each : nearest) met.insert(each.node);
    EXPECT_EQ(nearest.size(), kCount);
  }
  EXPECT_EQ(std::vector<Node>(met.begin(), met.end()), fours);
}

TEST(CellsTest, FindTheSameHoweverNodesCameBefore) {
  constexpr Node kNodes = 3000;
  constexpr Node kKnown = 2700;
  const Codes codes = clustered_codes(kNodes, kDimensions, 10);
  ThreadTeam threads(2);
  const auto found_after = [&](Node at_once) {  // pivots that come later take nodes out of the cells of earlier ones
    Cells cells(codes, kSeed);
    for (Node begin = 0; begin < kKnown; begin += at_once) cells.add(nodes_between(begin, begin + at_once), threads);
    std::vector<std::vector<Node>> found(kNodes);
    for (const auto& [node, nearest] : cells.add_and_search(nodes_between(kKnown, kNodes), kCount, 400, threads))
      found[node] = nodes_of(nearest);
    return found;
  };
  EXPECT_EQ(found_after(90), found_after(kKnown));
}

TEST(CellsTest, FindTheSameWithAnyNumberOfThreads) {
  constexpr Node kNodes = 3000;
  const Codes codes = clustered_codes(kNodes, kDimensions, 10);
  const auto found_by = [&](std::size_t thread_count) {
    ThreadTeam threads(thread_count);
    Cells cells(codes, kSeed);
    cells.add(nodes_between(0, 300), threads);
    Node begin = 300;
    std::vector<std::vector<Node>> found(kNodes);
    for (const Node end : {500U, 1500U, kNodes}) {  // new pivots come on the way
      for (const auto& [node, nearest] :
           cells.add_and_search(nodes_between(std::exchange(begin, end), end), kCount, 400, threads))
        found[node] = nodes_of(nearest);
    }
    return found;
  };
  const auto one = found_by(1);
  EXPECT_EQ(found_by(2), one);
  EXPECT_EQ(found_by(5), one);
}

TEST(CellsTest, DoNotSearchLongerWhereAllVectorsAreNearlyEqual) {
  constexpr Node kNodes = 6000;
  Codes codes(std::vector<float>(kDimensions, 0), 8, 7);
  codes.resize(kNodes);
  for (Node node = 0; node < kNodes; ++node) {
    std::vector<float> vector(kDimensions, 0.0625F);
    vector[node % kDimensions] += 1e-7F * static_cast<float>(node / 2);  // two of each
    codes.encode(node, vector);
  }
  ThreadTeam threads(2);
  Cells cells(codes, kSeed);
  for (Node begin = 0; begin < kNodes; begin += 1000) {
    for (const auto& [node, nearest] : cells.add_and_search(nodes_between(begin, begin + 1000), kCount, 400, threads)) {
      EXPECT_EQ(nearest.size(), kCount);
      EXPECT_EQ(std::ranges::count(nodes_of(nearest), node), 0);
    }
  }
  EXPECT_LE(cells.largest(), 1024 + 1000);  // of a full one, and what came at once
}

}  // namespace
}  // namespace tillite::testing
