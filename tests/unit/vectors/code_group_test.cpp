#include "vectors/hnsw/code_group.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "code_fixture.h"

namespace tillite::testing {
namespace {

TEST(CodeGroupTest, TellsTheDistancesThatCodesTellOneByOne) {
  for (const std::size_t dimensions : {1U, 100U, 256U, 1536U, 8192U}) {
    const Codes codes = clustered_codes(40, dimensions, 3);
    CodeGroup group(codes);
    for (Node node = 0; node < 20; ++node) group.add(node);
    const std::vector<std::uint32_t> members = {0, 3, 4, 11, 19};
    CodeGroup::Part part;
    part.choose(group, members);
    for (const std::size_t count : {1U, 5U, 16U}) {
      std::vector<Node> others(count);
      std::iota(others.begin(), others.end(), 18U);
      part.compare(others);
      for (std::size_t i = 0; i < members.size(); ++i) {
        ASSERT_EQ(part.distances(i).size(), count);
        for (std::size_t j = 0; j < count; ++j) {
          EXPECT_EQ(part.distances(i)[j], codes.distance(others[j], members[i])) << dimensions;
        }
      }
    }
  }
}

TEST(CodeGroupTest, HoldsCodesOfEightBitsWhoseSumsFit) {
  EXPECT_TRUE(CodeGroup::can_hold(Codes(std::vector<float>(8192), 8, 1)));
  EXPECT_FALSE(CodeGroup::can_hold(Codes(std::vector<float>(8193), 8, 1)));
  EXPECT_FALSE(CodeGroup::can_hold(Codes(std::vector<float>(64), 4, 1)));
}

}  // namespace
}  // namespace tillite::testing
