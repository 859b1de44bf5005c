#include "expressions/payload_template.h"

#include <gtest/gtest.h>

#include "unit/expressions/some_scope.h"

namespace tillite::testing {
namespace {

TEST(PayloadTemplate, ReplacesFieldsWithExpressionsAtAnyDepth) {
  SomeScope some(R"({"a":1,"items":[1,2]})", R"({"v":"x"})");
  const auto payload = must(PayloadTemplate::parse(parsed(
      R"json({"k":"$.a","a.$":"$.a","deep":[{"v.$":"$v"},[{"n.$":"States.ArrayLength($.items)"}],7],"z":null})json")));
  EXPECT_EQ(to_text(must(payload.fill(some.scope()))), R"({"k":"$.a","a":1,"deep":[{"v":"x"},[{"n":2}],7],"z":null})");
  EXPECT_FALSE(payload.is_constant());
  EXPECT_EQ(payload.expressions().size(), 3U);
}

TEST(PayloadTemplate, TakesAnItemBehindTheEndForNull) {
  SomeScope some("[1]");
  const auto payload = must(PayloadTemplate::parse(parsed(R"({"x.$":"$[3]"})")));
  EXPECT_EQ(to_text(must(payload.fill(some.scope()))), R"({"x":null})");
}

TEST(PayloadTemplate, IsTheValueItselfWithoutExpressions) {
  SomeScope some;
  const Value constant = parsed(R"({"a":[1,{"b":"$.c"}]})");
  const auto payload = must(PayloadTemplate::parse(constant));
  EXPECT_TRUE(payload.is_constant());
  const Value filled = must(payload.fill(some.scope()));
  EXPECT_EQ(&filled.object(), &constant.object()) << "nothing was copied";
}

TEST(PayloadTemplate, NamesTheFieldWhosePathLeadsNowhere) {
  SomeScope some(R"({"a":1})");
  const auto filled =
      must(PayloadTemplate::parse(parsed(R"({"out":{"value.$":"$.no_such_jsonpath"}})"))).fill(some.scope());
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().name(), "States.Runtime");
  EXPECT_EQ(
      filled.error().message(),
      R"(The JSONPath '$.no_such_jsonpath' specified for the field 'value.$' could not be found in the input '{"a":1}')");
}

TEST(PayloadTemplate, RefusesExpressionsThatAreNoneNamingTheField) {
  for (const char* text : {R"({"a":[{"b.$":"x"}]})", R"({"a":[{"b.$":1}]})", R"({"a":[{"b.$":"$.["}]})"}) {
    const auto payload = PayloadTemplate::parse(parsed(text));
    ASSERT_FALSE(payload) << text;
    EXPECT_TRUE(payload.error().message().starts_with("a: [0]: b.$: ")) << payload.error().message();
  }
}

}  // namespace
}  // namespace tillite::testing
