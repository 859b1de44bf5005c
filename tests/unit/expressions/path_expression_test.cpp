#include "expressions/path_expression.h"

#include <gtest/gtest.h>

#include "unit/expressions/some_scope.h"

namespace tillite::testing {
namespace {

TEST(PathExpression, RefersToTheInputTheContextAndVariables) {
  SomeScope some(R"({"a":{"b":1}})", R"({"x":{"y":[2]},"größe_2":3})");
  const auto value = [&](std::string_view text) {
    return must(must(PathExpression::parse(text)).evaluate(some.scope()));
  };
  EXPECT_EQ(value("$"), parsed(R"({"a":{"b":1}})"));
  EXPECT_EQ(value("$.a.b"), Value(1));
  EXPECT_EQ(value("$['a']"), parsed(R"({"b":1})"));
  EXPECT_EQ(value("$x.y[0]"), Value(2));
  EXPECT_EQ(value("$größe_2"), Value(3));
  EXPECT_EQ(some.contexts(), 0) << "nobody asked for the context object";
  EXPECT_EQ(value("$$.Execution.Name"), Value("run"));
  EXPECT_EQ(value("$$.Execution.Input[0]"), Value(1));
  EXPECT_EQ(some.contexts(), 2);
}

TEST(PathExpression, NestsCallsWithPathsAndConstantsAsArguments) {
  SomeScope some(R"json({"a":[{"n":"x,y)"},{"n":"z"}],"b c":4})json", R"({"v":5})");
  const auto value = [&](std::string_view text) {
    return must(must(PathExpression::parse(text)).evaluate(some.scope()));
  };
  EXPECT_EQ(value(R"(States.Array( $.a[?(@.n == 'x,y)')].n , States.MathAdd($v, -1),$['b c'] , 'it\'s' ))"),
            parsed(R"json([["x,y)"],4,4,"it's"])json"));
  EXPECT_EQ(value("States.Array(States.Array(true, null), $$.State.Name, 1.5e1)"), parsed(R"([[true,null],"S",15.0])"));
}

TEST(PathExpression, NamesTheArgumentThatLeadsNowhereAndTheWholeCall) {
  SomeScope some(R"({"other":1,"items":[1]})");
  const auto error = [&](std::string_view text) {
    const auto value = must(PathExpression::parse(text)).evaluate(some.scope());
    return value ? "no error" : value.error().name() + ": " + value.error().message();
  };
  const std::string input = R"( could not be found in the input '{"other":1,"items":[1]}')";
  EXPECT_EQ(
      error("States.Format('{}',States.Format('{}', $.nope))"),
      "States.Runtime: The function 'States.Format('{}',States.Format('{}', $.nope))' had the following error: The "
      "JsonPath argument for the field '$.nope'" +
          input);
  EXPECT_EQ(error("States.Array($.items[5])"),
            "States.Runtime: The function 'States.Array($.items[5])' had the following error: The JsonPath argument "
            "for the "
            "field '$.items[5]'" +
                input);
  EXPECT_EQ(error("States.Array($$.No.Such)"),
            "States.Runtime: The function 'States.Array($$.No.Such)' had the following error: The JsonPath argument "
            "for the "
            "field '$.No.Such'" +
                input);
  EXPECT_EQ(error("States.Array($.other[0])"),
            "States.Runtime: The function 'States.Array($.other[0])' had the following error: Filter: [0] can only be "
            "applied to arrays. Current context is: 1");
}

TEST(PathExpression, SaysWhichFieldsPathLeadsNowhere) {
  SomeScope some(R"({"a":1})");
  const PathExpression path = must(PathExpression::parse("$.no.such"));
  const Error error = path.evaluate(some.scope()).error();
  EXPECT_EQ(invalid_path(path, error).message(), "Invalid path '$.no.such' : Missing property in path $['no']");
  EXPECT_EQ(path_not_found(path, "x.$", some.scope(), error).message(),
            R"(The JSONPath '$.no.such' specified for the field 'x.$' could not be found in the input '{"a":1}')");
  EXPECT_EQ(path_not_found(path, "x.$", some.scope(), error).name(), "States.Runtime");

  const PathExpression in_context = must(PathExpression::parse("$$.State.No"));
  EXPECT_EQ(path_not_found(in_context, "x.$", some.scope(), in_context.evaluate(some.scope()).error()).message(),
            "The JSONPath '$.State.No' specified for the field 'x.$' could not be found in the input "
            R"('{"Execution":{"Name":"run","Input":[1]},"State":{"Name":"S"}}')");
}

TEST(PathExpression, KnowsItsVariables) {
  EXPECT_EQ(must(PathExpression::parse("States.Array($a.b, States.Array($.c, $d), '$e')")).variables(),
            (std::vector<std::string>{"a", "d"}));
  EXPECT_EQ(must(PathExpression::parse("$abc[0]")).variables(), std::vector<std::string>{"abc"});
  EXPECT_TRUE(must(PathExpression::parse("$.abc")).variables().empty());
}

TEST(PathExpression, RefusesWhatIsNone) {
  for (const char* text : {"",
                           "a",
                           "$.",
                           "$1",
                           "$a-b",
                           "$$x",
                           "$ .a",
                           "States.",
                           "States.Nope()",
                           "States.Array",
                           "States.Array(",
                           "States.Array($.a",
                           "States.Array($.a,)",
                           "States.Array(,)",
                           "States.Array($.a) x",
                           "States.Array([1])",
                           "States.Array(\"a\")",
                           "States.Array('a)",
                           R"(States.Array('a\n'))",
                           "States.Array(1.)",
                           "States.Array(.5)",
                           "States.Array(01)",
                           "States.Array(True)",
                           "States.Array($.a[?(@.b)"})
    EXPECT_FALSE(PathExpression::parse(text)) << text;
}

TEST(PathExpression, NestsTenCallsAtMost) {
  const auto nested = [](int depth) {
    std::string text = "1";
    for (int i = 0; i < depth; ++i) text = "States.Array(" + text + ")";
    return text;
  };
  EXPECT_TRUE(PathExpression::parse(nested(10)));
  EXPECT_FALSE(PathExpression::parse(nested(11)));
}

}  // namespace
}  // namespace tillite::testing
