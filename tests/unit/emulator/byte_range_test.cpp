#include "emulator/wire/byte_range.h"

#include <gtest/gtest.h>

namespace tillite::testing {
namespace {

std::optional<ByteRange> range_of(std::string_view text) { return parse_range(text, 100).value(); }

TEST(ByteRangeTest, NamesAPartByItsEnds) {
  EXPECT_EQ(range_of("bytes=0-9"), (ByteRange{.offset = 0, .bytes = 10}));
  EXPECT_EQ(range_of("bytes=90-"), (ByteRange{.offset = 90, .bytes = 10}));
  EXPECT_EQ(range_of("bytes=-10"), (ByteRange{.offset = 90, .bytes = 10}));
  EXPECT_EQ(range_of("bytes=99-99"), (ByteRange{.offset = 99, .bytes = 1}));
}

TEST(ByteRangeTest, EndsWithTheFile) {
  EXPECT_EQ(range_of("bytes=90-1000"), (ByteRange{.offset = 90, .bytes = 10}));
  EXPECT_EQ(range_of("bytes=-1000"), (ByteRange{.offset = 0, .bytes = 100}));
}

TEST(ByteRangeTest, IgnoresWhatItDoesNotKnow) {
  for (const char* other : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=9-1", "bytes=0-1,5-6", "lines=0-1",
                            "bytes=99999999999999999999-"}) {
    EXPECT_EQ(range_of(other), std::nullopt) << other;
  }
}

TEST(ByteRangeTest, CannotBeginBehindTheEnd) {
  EXPECT_FALSE(parse_range("bytes=100-", 100));
  EXPECT_FALSE(parse_range("bytes=-0", 100));
  EXPECT_FALSE(parse_range("bytes=0-", 0));
  EXPECT_FALSE(parse_range("bytes=-1", 0));
}

}  // namespace
}  // namespace tillite::testing
