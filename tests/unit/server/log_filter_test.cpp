#include "server/log_filter.h"

#include <gtest/gtest.h>

#include "support/must.h"

namespace tillite::testing {
namespace {

bool matches(std::string_view pattern, std::string_view message) {
  return must(LogFilter::parse(pattern)).matches(message);
}

TEST(LogFilterTest, AnEmptyPatternMatchesEverything) {
  EXPECT_TRUE(matches("", "anything"));
  EXPECT_TRUE(matches("  ", ""));
}

TEST(LogFilterTest, AllTermsMustBeThere) {
  EXPECT_TRUE(matches("REPORT", "REPORT RequestId: 1"));
  EXPECT_TRUE(matches("RequestId REPORT", "REPORT RequestId: 1"));
  EXPECT_FALSE(matches("REPORT START", "REPORT RequestId: 1"));
  EXPECT_FALSE(matches("report", "REPORT RequestId: 1")) << "upper and lower case differ";
}

TEST(LogFilterTest, APhraseIsMatchedAsItStands) {
  EXPECT_TRUE(matches(R"("REPORT RequestId: 1")", "REPORT RequestId: 1\tDuration"));
  EXPECT_FALSE(matches(R"("REPORT 1")", "REPORT RequestId: 1"));
  EXPECT_TRUE(matches(R"("say \"hi\" \\")", R"(say "hi" \)"));
}

TEST(LogFilterTest, OneOfTheOptionalTermsIsEnough) {
  EXPECT_TRUE(matches("?START ?END", "END RequestId"));
  EXPECT_FALSE(matches("?START ?END", "REPORT RequestId"));
  EXPECT_TRUE(matches(R"(?START ?"Memory Size: 1769")", "Memory Size: 1769 MB"));
  EXPECT_TRUE(matches("REPORT ?START", "REPORT")) << "optional terms do not count beside others";
}

TEST(LogFilterTest, ExcludedTermsMustNotBeThere) {
  EXPECT_FALSE(matches("REPORT -Duration", "REPORT Duration"));
  EXPECT_TRUE(matches("-Duration", "REPORT"));
  EXPECT_FALSE(matches(R"(?REPORT -"Duration: 1")", "REPORT Duration: 1"));
}

TEST(LogFilterTest, WhatIsNotUnderstoodIsRefused) {
  for (const char* pattern : {"{ $.level = \"ERROR\" }", "[ip, user]", "%E.*%", "a.b", "\"open", "\"\"", "?", "-",
                              "a \"b\"c\"", "? a", "RequestId:"}) {
    const auto filter = LogFilter::parse(pattern);
    ASSERT_FALSE(filter) << pattern;
    EXPECT_EQ(filter.error().name(), "InvalidParameterException") << pattern;
  }
}

}  // namespace
}  // namespace tillite::testing
