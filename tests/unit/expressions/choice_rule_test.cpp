#include "expressions/choice_rule.h"

#include <gtest/gtest.h>

#include "unit/expressions/some_scope.h"

namespace tillite::testing {
namespace {

bool holds(std::string_view rule, std::string_view input, std::string_view variables = "{}") {
  SomeScope some(input, variables);
  return must(must(ChoiceRule::parse(parsed(rule))).holds(some.scope()));
}

/// Whether `$.x` fulfils an operator with a constant, which it must as well with the constant at `$.c`.
bool compares(std::string_view name, std::string_view x, std::string_view constant) {
  const bool direct =
      holds(fmt::format(R"({{"Variable":"$.x","{}":{}}})", name, constant), fmt::format(R"({{"x":{}}})", x));
  const bool by_path = holds(fmt::format(R"({{"Variable":"$.x","{}Path":"$.c"}})", name),
                             fmt::format(R"({{"x":{},"c":{}}})", x, constant));
  EXPECT_EQ(direct, by_path) << name;
  return direct;
}

TEST(ChoiceRule, ComparesValuesOfItsTypeOnly) {
  EXPECT_TRUE(compares("StringEquals", R"("a")", R"("a")"));
  EXPECT_FALSE(compares("StringEquals", "1", R"("1")"));
  EXPECT_TRUE(compares("StringLessThan", R"("A")", R"("AB")"));
  EXPECT_TRUE(compares("StringGreaterThanEquals", R"("b")", R"("b")"));
  EXPECT_TRUE(compares("NumericEquals", "1", "1.0"));
  EXPECT_FALSE(compares("NumericEquals", R"("1")", "1"));
  EXPECT_FALSE(compares("NumericEquals", "null", "0"));
  EXPECT_TRUE(compares("NumericLessThanEquals", "1", "1"));
  EXPECT_TRUE(compares("NumericGreaterThan", "9007199254740993", "9007199254740992"));
  EXPECT_TRUE(compares("BooleanEquals", "false", "false"));
  EXPECT_FALSE(compares("BooleanEquals", "0", "false"));
}

TEST(ChoiceRule, ComparesTimestampsAsMoments) {
  EXPECT_TRUE(compares("TimestampEquals", R"("2012-10-09T20:00:55+01:00")", R"("2012-10-09T19:00:55Z")"));
  EXPECT_TRUE(compares("TimestampLessThan", R"("2012-10-09T19:00:55Z")", R"("2012-10-09T19:00:55.1Z")"));
  EXPECT_FALSE(compares("TimestampGreaterThanEquals", R"("2012-10-09")", R"("2012-10-09T19:00:55Z")"));
}

TEST(ChoiceRule, MatchesTextsWithWildcards) {
  const auto matches = [](std::string_view pattern, std::string_view text) {
    return holds(to_text(Value(Value::Object{{"Variable", "$"}, {"StringMatches", pattern}})), to_text(Value(text)));
  };
  EXPECT_TRUE(matches("log-*.txt", "log-1.txt"));
  EXPECT_FALSE(matches("log-*.txt", "log-1.txt2"));
  EXPECT_TRUE(matches("*a*a*", "banana"));
  EXPECT_FALSE(matches("a*a", "a"));
  EXPECT_TRUE(matches(R"(\*)", "*"));
  EXPECT_FALSE(matches(R"(\*)", "a"));
  EXPECT_FALSE(holds(R"({"Variable":"$","StringMatches":"*"})", "1"));
}

TEST(ChoiceRule, TestsWhatAValueIs) {
  const std::string_view input = R"({"n":null,"i":1,"t":"x","b":false,"d":"2012-10-09T19:00:55Z","l":[]})";
  EXPECT_TRUE(holds(R"({"Variable":"$.n","IsNull":true})", input));
  EXPECT_TRUE(holds(R"({"Variable":"$.i","IsNumeric":true})", input));
  EXPECT_TRUE(holds(R"({"Variable":"$.t","IsString":true})", input));
  EXPECT_TRUE(holds(R"({"Variable":"$.b","IsBoolean":true})", input));
  EXPECT_TRUE(holds(R"({"Variable":"$.d","IsTimestamp":true})", input));
  EXPECT_TRUE(holds(R"({"Variable":"$.t","IsTimestamp":false})", input));
  EXPECT_TRUE(holds(R"({"Variable":"$.n","IsPresent":true})", input));
  EXPECT_TRUE(holds(R"({"Variable":"$.no.such","IsPresent":false})", input));
  EXPECT_TRUE(holds(R"({"Variable":"$.l[0]","IsPresent":false})", input));
  EXPECT_TRUE(holds(R"({"Variable":"$.i[0]","IsPresent":false})", input));
  EXPECT_TRUE(holds(R"({"Variable":"$v","IsPresent":false})", input));
}

TEST(ChoiceRule, CombinesRules) {
  constexpr std::string_view kRule = R"({"And":[
      {"Variable":"$.a","NumericGreaterThan":1},
      {"Or":[{"Variable":"$v","StringEquals":"x"},{"Not":{"Variable":"$.a","NumericLessThan":10}}]}], "Next":"N"})";
  EXPECT_TRUE(holds(kRule, R"({"a":2})", R"({"v":"x"})"));
  EXPECT_TRUE(holds(kRule, R"({"a":12})", R"({"v":"y"})"));
  EXPECT_FALSE(holds(kRule, R"({"a":2})", R"({"v":"y"})"));
  EXPECT_FALSE(holds(kRule, R"({"a":1})", R"({"v":"x"})"));
}

TEST(ChoiceRule, FailsWhereAPathLeadsNowhere) {
  SomeScope some(R"({"a":[]})");
  for (const char* rule :
       {R"({"Variable":"$.b","NumericEquals":1})", R"({"Variable":"$.b","IsNull":true})",
        R"({"Variable":"$.a","NumericEqualsPath":"$.b"})", R"({"Variable":"$.b","StringMatches":"*"})"}) {
    const auto held = must(ChoiceRule::parse(parsed(rule))).holds(some.scope());
    ASSERT_FALSE(held) << rule;
    EXPECT_EQ(held.error().name(), "States.Runtime");
    EXPECT_EQ(held.error().message(),
              "Invalid path '$.b': The choice state's condition path references an invalid value.");
  }
}

TEST(ChoiceRule, RefusesWhatIsNoRuleNamingThePlace) {
  for (const char* rule :
       {"1", "{}", R"({"Variable":"$.a"})", R"({"StringEquals":"a"})", R"({"Variable":"a","StringEquals":"a"})",
        R"({"Variable":"$.a","StringEquals":1})", R"({"Variable":"$.a","TimestampEquals":"soon"})",
        R"({"Variable":"$.a","NumericEqualsPath":1})", R"({"Variable":"$.a","IsNull":"true"})", R"({"And":[]})",
        R"({"Not":[]})", R"({"Variable":"$.a","StringMatchesPath":"$.b"})", R"({"Variable":"$.a","Equals":1})"})
    EXPECT_FALSE(ChoiceRule::parse(parsed(rule))) << rule;
  EXPECT_TRUE(ChoiceRule::parse(parsed(R"({"And":[{"Variable":"$.a","IsNull":1}]})"))
                  .error()
                  .message()
                  .starts_with("And[0]: IsNull must be true or false"));
}

}  // namespace
}  // namespace tillite::testing
