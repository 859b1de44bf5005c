#include "base/memory_limit.h"

#include <gtest/gtest.h>

namespace tillite::testing {
namespace {

TEST(MemoryLimit, ReadsSizesInBytesAndUnits) {
  EXPECT_EQ(*parse_bytes("536870912"), 512U << 20);
  EXPECT_EQ(*parse_bytes("64K"), 65536U);
  EXPECT_EQ(*parse_bytes("512M"), 512U << 20);
  EXPECT_EQ(*parse_bytes("3G"), std::uint64_t{3} << 30);
}

TEST(MemoryLimit, RefusesWhatIsNoSize) {
  for (const char* text : {"", "M", "-1", "1.5G", "12 M", "7T", "0x10", "18446744073709551616", "99999999999999999G"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

TEST(MemoryLimit, OfThisProcessIsSomeAndNotMoreThanAnAddressSpace) {
  EXPECT_GT(memory_limit_bytes(), std::uint64_t{1} << 20);
  EXPECT_LT(memory_limit_bytes(), std::uint64_t{1} << 48);
}

}  // namespace
}  // namespace tillite::testing
