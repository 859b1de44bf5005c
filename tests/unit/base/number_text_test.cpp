#include "base/number_text.h"

#include <gtest/gtest.h>

namespace tillite::testing {
namespace {

TEST(NumberTextTest, AWholeNumberIsDigitsAndNothingElse) {
  EXPECT_EQ(parse_whole_number("0"), 0);
  EXPECT_EQ(parse_whole_number("007"), 7);
  EXPECT_EQ(parse_whole_number("-12"), -12);
  EXPECT_EQ(parse_whole_number("9223372036854775807"), 9223372036854775807);
  for (const char* text : {"", "-", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "9223372036854775808", "one"}) {
    EXPECT_EQ(parse_whole_number(text), std::nullopt) << text;
  }
}

TEST(NumberTextTest, ANaturalNumberHasNoSign) {
  EXPECT_EQ(parse_natural_number("18446744073709551615"), 18446744073709551615U);
  for (const char* text : {"", "-1", "-0", "+1", " 1", "18446744073709551616"}) {
    EXPECT_EQ(parse_natural_number(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace tillite::testing
