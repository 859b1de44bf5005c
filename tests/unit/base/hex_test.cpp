#include "base/hex.h"

#include <gtest/gtest.h>

#include <array>

namespace tillite::testing {
namespace {

TEST(HexTest, HasTwoLowerCaseDigitsForEachByte) {
  EXPECT_EQ(hex_of(std::array{std::byte{0}, std::byte{0x0f}, std::byte{0xa9}, std::byte{0xff}}), "000fa9ff");
  EXPECT_EQ(hex_of({}), "");
}

}  // namespace
}  // namespace tillite::testing
