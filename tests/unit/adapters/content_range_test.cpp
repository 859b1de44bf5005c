#include "adapters/remote/content_range.h"

#include <gtest/gtest.h>

namespace tillite::testing {
namespace {

TEST(ContentRangeTest, TellsWhereBytesBeginAndHowManyThereAre) {
  const auto part = parse_content_range("bytes 100-199/200");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->first, 100U);
  EXPECT_EQ(part->length, 200U);
  const auto of_unknown_length = parse_content_range("bytes 0-9/*");
  ASSERT_TRUE(of_unknown_length);
  EXPECT_EQ(of_unknown_length->first, 0U);
  EXPECT_EQ(of_unknown_length->length, std::nullopt);
}

TEST(ContentRangeTest, IsNothingElse) {
  for (const char* text : {"", "bytes */200", "bytes 100/200", "items 100-199/200", "bytes -1-2/3", "bytes 1-2"}) {
    EXPECT_FALSE(parse_content_range(text)) << text;
  }
}

}  // namespace
}  // namespace tillite::testing
