#include "base/percent_coding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tillite::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(PercentCodingTest, KeepsWhatNeedsNoEncoding) {
  EXPECT_EQ(percent_encode("aZ09-_.~"), "aZ09-_.~");
  EXPECT_EQ(percent_encode("a b/ü%"), "a%20b%2F%C3%BC%25");
  EXPECT_EQ(percent_encode("a b/c", true), "a%20b/c");
}

TEST(PercentCodingTest, DecodesWhatItEncodes) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(bytes)), bytes);
}

TEST(PercentCodingTest, APlusIsABlankInFormsOnly) {
  EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
}

TEST(PercentCodingTest, RefusesHalfAnEscape) {
  for (const char* text : {"%", "%4", "%4x", "a%", "% 1", "%-1"}) EXPECT_FALSE(percent_decode(text)) << text;
}

TEST(PercentCodingTest, SplitsAQueryIntoItsParameters) {
  EXPECT_THAT(split_query("a=1&b=&c&&d=x=y"),
              ElementsAre(Pair("a", "1"), Pair("b", ""), Pair("c", ""), Pair("d", "x=y")));
  EXPECT_THAT(split_query(""), ElementsAre());
}

}  // namespace
}  // namespace tillite::testing
