#include "expressions/pattern.h"

#include <gtest/gtest.h>

#include "support/must.h"

namespace tillite::testing {
namespace {

bool matches(std::string_view expression, std::string_view text, std::string_view flags = "") {
  return must(Pattern::parse(expression, flags)).matches(text);
}

TEST(Pattern, MatchesWholeTexts) {
  EXPECT_TRUE(matches("ab", "ab"));
  EXPECT_FALSE(matches("ab", "abc"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches("a|bc|", "bc"));
  EXPECT_TRUE(matches("a|bc|", ""));
  EXPECT_TRUE(matches("(?:ab)+c?", "ababc"));
  EXPECT_FALSE(matches("(ab)+c?", "abac"));
  EXPECT_TRUE(matches("x{2,3}", "xxx"));
  EXPECT_FALSE(matches("x{2,3}", "xxxx"));
  EXPECT_TRUE(matches("x{2,}", "xxxxx"));
  EXPECT_TRUE(matches("a.*?b", "a123b"));
}

TEST(Pattern, KnowsClassesEscapesAndEdges) {
  EXPECT_TRUE(matches(R"(\d+-\w+\s)", "12-a_1 "));
  EXPECT_TRUE(matches(R"([^\d,]+)", "abc"));
  EXPECT_FALSE(matches(R"([^\d,]+)", "a,c"));
  EXPECT_TRUE(matches(R"([a-c\-\]]+)", "a-]c"));
  EXPECT_TRUE(matches(R"([\S]+)", "ab"));
  EXPECT_TRUE(matches(R"(\u0041\x42\.)", "AB."));
  EXPECT_TRUE(matches(R"(.*\bcat\b.*)", "a cat."));
  EXPECT_FALSE(matches(R"(.*\bcat\b.*)", "cats"));
  EXPECT_TRUE(matches("^a.c$", "aäc"));
}

TEST(Pattern, FollowsItsFlags) {
  EXPECT_TRUE(matches("abc[x-z]", "AbCY", "i"));
  EXPECT_FALSE(matches("a.b", "a\nb"));
  EXPECT_TRUE(matches("a.b", "a\nb", "s"));
  EXPECT_TRUE(matches("a\n^b", "a\nb", "m"));
}

TEST(Pattern, TakesTimeInProportionWhateverIsAsked) {
  EXPECT_FALSE(matches("(a*)*b", std::string(100'000, 'a')));
  EXPECT_FALSE(matches("(a|aa)+$b", std::string(100'000, 'a')));
}

TEST(Pattern, RefusesWhatIsNoneOrTooLarge) {
  for (const char* expression :
       {"(", ")", "[", "[b-a]", "*", "a**b{", "a{2,1}", "a{}", R"(\)", R"(\q)", "(?=a)", R"(\u12)"})
    EXPECT_FALSE(Pattern::parse(expression, "")) << expression;
  EXPECT_FALSE(Pattern::parse("a", "q"));
  EXPECT_FALSE(Pattern::parse("(((a{999}){999}){999})", ""));
  EXPECT_FALSE(Pattern::parse("((((){999}){999}){999})", ""));
  EXPECT_FALSE(Pattern::parse(std::string(1000, '('), ""));
  EXPECT_FALSE(Pattern::parse("\xff", ""));
}

}  // namespace
}  // namespace tillite::testing
