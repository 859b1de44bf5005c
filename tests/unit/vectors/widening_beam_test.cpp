#include "vectors/hnsw/widening_beam.h"

#include <gtest/gtest.h>

namespace tillite {
namespace {

std::vector<std::uint32_t> nodes_of(const WideningBeam& beam) {
  std::vector<std::uint32_t> nodes;
  for (const auto& met : beam.nearest()) nodes.push_back(met.node);
  return nodes;
}

std::vector<std::uint32_t> expanded_by(WideningBeam& beam) {
  std::vector<std::uint32_t> nodes;
  while (const auto node = beam.expand_next()) nodes.push_back(*node);
  return nodes;
}

TEST(WideningBeam, ExpandsTheNearestAndGoesOnWhenItIsWider) {
  WideningBeam beam;
  beam.start(2);
  for (std::uint32_t node = 0; node < 6; ++node) beam.offer(static_cast<float>(6 - node), node);
  EXPECT_EQ(expanded_by(beam), (std::vector<std::uint32_t>{5, 4}));
  EXPECT_EQ(nodes_of(beam), (std::vector<std::uint32_t>{5, 4}));
  EXPECT_FALSE(beam.is_done());

  beam.offer(0.5F, 6);
  beam.widen(4);
  EXPECT_EQ(expanded_by(beam), (std::vector<std::uint32_t>{6, 3})) << "the others were expanded before";
  EXPECT_EQ(nodes_of(beam), (std::vector<std::uint32_t>{6, 5, 4, 3}));

  beam.widen(100);
  EXPECT_EQ(expanded_by(beam), (std::vector<std::uint32_t>{2, 1, 0}));
  EXPECT_TRUE(beam.is_done());
}

TEST(WideningBeam, LeavesOutWhatIsPushedOutOfIt) {
  WideningBeam beam;
  beam.start(1);
  beam.offer(3, 1);
  EXPECT_EQ(beam.expand_next(), 1U);
  beam.offer(2, 2);
  beam.offer(1, 3);
  EXPECT_EQ(expanded_by(beam), (std::vector<std::uint32_t>{3})) << "2 was nearer than 1, but is behind 3";
  beam.start(1);
  EXPECT_TRUE(beam.is_done());
  EXPECT_EQ(beam.expand_next(), std::nullopt);
  EXPECT_TRUE(beam.nearest().empty());
}

TEST(WideningBeam, ExpandsTheLargerOfEquallyNearNodesFirstAndNamesTheSmallerFirst) {
  WideningBeam beam;
  beam.start(3);
  for (const std::uint32_t node : {7U, 9U, 8U}) beam.offer(0, node);
  EXPECT_EQ(expanded_by(beam), (std::vector<std::uint32_t>{9, 8, 7}));
  EXPECT_EQ(nodes_of(beam), (std::vector<std::uint32_t>{7, 8, 9}));
}

}  // namespace
}  // namespace tillite
