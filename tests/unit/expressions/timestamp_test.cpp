#include "expressions/timestamp.h"

#include <gtest/gtest.h>

namespace tillite::testing {
namespace {

TEST(Timestamp, IsReadWithAnOffset) {
  EXPECT_EQ(parse_timestamp("1970-01-02T00:00:01.5Z"), (Timestamp{86'401, 500'000'000}));
  EXPECT_EQ(parse_timestamp("2016-03-14T02:59:00+01:00"), parse_timestamp("2016-03-14T01:59:00Z"));
  EXPECT_EQ(parse_timestamp("2016-03-14T01:59Z"), parse_timestamp("2016-03-14t01:59:00.000z"));
  EXPECT_LT(*parse_timestamp("2016-03-14T01:59:00.1Z"), *parse_timestamp("2016-03-14T01:59:00.11Z"));
  EXPECT_TRUE(parse_timestamp("2024-02-29T00:00:00Z"));
}

TEST(Timestamp, IsNoneWithoutAnOffsetOrOutsideTheCalendar) {
  for (const char* text :
       {"", "2016-03-14", "2016-03-14T01:59:00", "2016-03-14 01:59:00Z", "2016-13-05T21:29:29Z", "05-12-2016T21:29:29Z",
        "2016-12-05T25:29:29Z", "2023-02-29T00:00:00Z", "2016-03-14T01:59:60Z", "2016-03-14T01:59:00+1:00",
        "2016-03-14T01:59:00Zx", "2016-3-14T01:59:00Z"})
    EXPECT_FALSE(parse_timestamp(text)) << text;
}

TEST(Timestamp, IsWrittenMoreStrictlyInDefinitions) {
  EXPECT_TRUE(is_rfc3339_timestamp("2016-03-14T01:59:00.123+01:00"));
  EXPECT_FALSE(is_rfc3339_timestamp("2016-03-14T01:59Z"));
  EXPECT_FALSE(is_rfc3339_timestamp("2016-03-14t01:59:00Z"));
  EXPECT_FALSE(is_rfc3339_timestamp("2016-03-14T01:59:00z"));
}

}  // namespace
}  // namespace tillite::testing
