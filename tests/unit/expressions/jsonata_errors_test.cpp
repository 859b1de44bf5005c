#include <gmock/gmock.h>

#include "support/jsonata.h"

namespace tillite::testing {
namespace {

using ::testing::StartsWith;

TEST(JsonataErrors, OfSyntaxAreInvalidInputAndHaveJsonatasCodes) {
  const auto error = [](std::string_view expression) {
    const auto parsed = Jsonata::parse(expression);
    EXPECT_FALSE(parsed) << expression;
    if (parsed) return std::string();
    EXPECT_EQ(parsed.error().code(), Code::invalid_input);
    return parsed.error().message();
  };
  EXPECT_EQ(error("$sum(a"), "S0203: Expected \")\" before end of expression");
  EXPECT_EQ(error("{'a' 1}"), R"(S0202: Expected ":", got 1)");
  EXPECT_EQ(error("a b"), R"(S0201: Syntax error: "b")");
  EXPECT_EQ(error("420."), "S0207: Unexpected end of expression");
  EXPECT_EQ(error(""), "S0207: Unexpected end of expression");
  EXPECT_EQ(error("'abc"), "S0101: String literal must be terminated by a matching quote");
  EXPECT_EQ(error("a ! b"), R"(S0204: Unknown operator: "!")");
  EXPECT_EQ(error("1 := 2"), "S0212: The left side of := must be a variable name (start with $)");
  EXPECT_EQ(error("function(a){1}"),
            "S0208: Parameter 1 of function definition must be a variable name (start with $)");
  EXPECT_EQ(error("%"), "S0217: The object representing the 'parent' cannot be derived from this expression");
  EXPECT_EQ(error("/a"), "S0302: No terminating / in regular expression");
}

TEST(JsonataErrors, OfEvaluationAreFailedAndHaveJsonatasCodes) {
  SeededRandom random;
  const auto result = must(Jsonata::parse("1 + 'a'")).evaluate({}, {}, {.now_ms = 0, .random = random});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::failed);
  expect_yields(
      R"({"list":[1],"text":"a"})",
      {{"1 + text", R"(T2002: The right side of the "+" operator must evaluate to a number)"},
       {"text - 1", R"(T2001: The left side of the "-" operator must evaluate to a number)"},
       {"1 < text", R"(T2009: The values 1 and "a" either side of operator "<" must be of the same data type)"},
       {"list > 1", R"(T2010: The expressions either side of operator ">" must evaluate to numeric or string values)"},
       {"-text", R"(D1002: Cannot negate a non-numeric value: "a")"},
       {"{1: 2}", "T1003: Key in object structure must evaluate to a string; got: 1"},
       {"{'a': 1, 'a': 2}", R"(D1009: Multiple key definitions evaluate to same key: "a")"},
       {"text()", "T1006: Attempted to invoke a non-function"},
       {"sum(list)", "T1005: Attempted to invoke a non-function. Did you mean $sum?"},
       {"$sum(text)", R"(T0412: Argument 1 of function "sum" must be an array of "numbers")"},
       {"$length(5)", R"(T0410: Argument 1 of function "length" does not match function signature)"},
       {"$error('no such receipt')", "D3137: no such receipt"},
       {"$assert(false, 'no total')", "D3141: no total"},
       {"1 / 0", "D1001: Number out of range: null"},
       {"['a'..'b']", "T2003: The left side of the range operator (..) must evaluate to an integer"},
       {"$power(10, 400)",
        "D3061: The power function has resulted in a value that cannot be represented as a JSON number: "
        "base=10, exponent=400"}});
}

TEST(JsonataErrors, EndEvaluationsThatDoNotEnd) {
  EXPECT_THAT(yields("($f := function(){$f()}; $f())"), StartsWith("D1012: Evaluation did not end within"));
  EXPECT_THAT(yields("($f := function($n){1 + $f($n)}; $f(1))"), StartsWith("D1011: Stack overflow."));
  EXPECT_THAT(yields("$map([1..900000], function($v){$map([1..900000], function($w){$w})})"), StartsWith("D1012"));
  EXPECT_THAT(yields("$match('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', /(a+)+$/)"), StartsWith("D1012"));
}

TEST(JsonataErrors, EndEvaluationsThatGrow) {
  EXPECT_THAT(yields("[1..1000001]"), StartsWith("D2015"));
  EXPECT_THAT(yields("[1..20000000]"), StartsWith("D2014"));
  EXPECT_THAT(yields("$pad('', 100000000)"), StartsWith("D2015"));
  EXPECT_THAT(yields("$range(1, 100000000, 1)"), StartsWith("D2015"));
  EXPECT_THAT(yields("$map([1..2000], function($i){[1..5000]})"), StartsWith("D2015"));
  // Small in memory, for it is shared; large as text.
  const std::string doubled = "($d := function($s, $n){$n = 0 ? $s : $d([[$s], [$s]], $n - 1)}; $x := $d(1, 60); ";
  EXPECT_THAT(yields(doubled + "$x)"), StartsWith("D2015"));
  EXPECT_THAT(yields(doubled + "$string($x))"), StartsWith("D2015"));
  EXPECT_THAT(yields(doubled + "$x = $d(1, 60))"), StartsWith("D1012"));
  EXPECT_THAT(yields(doubled + "$boolean($d(0, 60)))"), StartsWith("D1012"));
  EXPECT_THAT(yields("$reduce([1..10000], function($a, $v){[[$a]]})"), StartsWith("D1011"));
  EXPECT_THAT(yields("($f := function($n, $g){$n = 0 ? $g : $f($n - 1, function($x){$g($x)})}; $f(10000, $string))"),
              StartsWith("D1011"));
}

TEST(JsonataErrors, RefuseExpressionsThatAreTooDeep) {
  const std::string deep(1'000, '(');
  EXPECT_THAT(yields(deep), StartsWith("S0201"));
  std::string sum = "1";
  for (int i = 0; i < 1'000; ++i) sum += "+1";
  EXPECT_THAT(yields(sum), StartsWith("S0201"));
}

TEST(JsonataErrors, TailCallsNeedNoStack) {
  EXPECT_EQ(yields("($f := function($n, $a){$n = 0 ? $a : $f($n - 1, $a + $n)}; $f(100000, 0))"), "5000050000");
}

}  // namespace
}  // namespace tillite::testing
