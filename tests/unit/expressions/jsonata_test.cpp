#include "expressions/jsonata.h"

#include <gmock/gmock.h>

#include "support/jsonata.h"

namespace tillite::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kReceipt =
    R"({"shop":"Corner Pantry","total":12.5,"tags":["food","drink"],"address":{"city":"Oslo","geo":{"lat":59.9}},
        "lines":[{"text":"Milk","price":1.25,"words":[{"t":"Milk"},{"t":"1.25"}],"vat":"low"},
                 {"text":"Bread","price":3,"words":[{"t":"Bread"}],"vat":"low"},
                 {"text":"Soap","price":8.25,"words":[],"vat":"high"}]})";

TEST(Jsonata, FollowsPathsThroughObjectsAndArrays) {
  expect_yields(kReceipt, {{"address.city", R"("Oslo")"},
                           {"lines.text", R"(["Milk","Bread","Soap"])"},
                           {"lines.words.t", R"(["Milk","1.25","Bread"])"},
                           {"lines.note", "undefined"},
                           {"address.missing.city", "undefined"},
                           {"lines.(price * 2)", "[2.5,6,16.5]"},
                           {"lines.[text, price]", R"([["Milk",1.25],["Bread",3],["Soap",8.25]])"},
                           {"address.*", R"(["Oslo",{"lat":59.9}])"},
                           {"**.t", R"(["Milk","1.25","Bread"])"}});
}

TEST(Jsonata, AGatheredListOfOneStandsForItsItem) {
  expect_yields(kReceipt, {{"lines[2].text", R"("Soap")"},
                           {"lines[2].text[]", R"(["Soap"])"},
                           {"lines[vat = 'high']", R"({"text":"Soap","price":8.25,"words":[],"vat":"high"})"},
                           {"tags", R"(["food","drink"])"},
                           {"[lines[0].text]", R"(["Milk"])"},
                           {"lines.words[0]", R"([{"t":"Milk"},{"t":"Bread"}])"},
                           {"(lines.words)[0]", R"({"t":"Milk"})"}});
}

TEST(Jsonata, FiltersByPlaceAndByWhatIsTrue) {
  expect_yields(kReceipt, {{"lines[-1].text", R"("Soap")"},
                           {"lines[[0, 2]].text", R"(["Milk","Soap"])"},
                           {"lines[price > 2].text", R"(["Bread","Soap"])"},
                           {"lines[price > 2][0].text", R"("Bread")"},
                           {"lines[words].text", R"(["Milk","Bread"])"},
                           {"lines[9]", "undefined"}});
}

TEST(Jsonata, SortsAndGroups) {
  expect_yields(kReceipt, {{"lines^(>price).text", R"(["Soap","Bread","Milk"])"},
                           {"lines^(vat, >price).text", R"(["Soap","Bread","Milk"])"},
                           {"lines{vat: $sum(price)}", R"({"low":4.25,"high":8.25})"},
                           {"lines{vat: text}", R"({"low":["Milk","Bread"],"high":"Soap"})"}});
}

TEST(Jsonata, BindsItemsPlacesAndParents) {
  expect_yields(kReceipt,
                {{"lines#$i.($i & text)", R"(["0Milk","1Bread","2Soap"])"},
                 {"lines#$i[$i = 1].text", R"("Bread")"},
                 {"lines@$l.tags@$t.($l.text & '/' & $t)[[0..1]]", R"(["Milk/food","Milk/drink"])"},
                 {"lines@$l.lines@$m[$l.vat = $m.vat and $l.text < $m.text].($l.text & $m.text)", R"("BreadMilk")"},
                 {"lines.words.(%.text & '/' & t)", R"(["Milk/Milk","Milk/1.25","Bread/Bread"])"},
                 {"lines.words.%.%.shop", R"(["Corner Pantry","Corner Pantry","Corner Pantry"])"}});
}

TEST(Jsonata, ComputesAndCompares) {
  expect_yields("", {{"1 + 2 * 3", "7"},
                     {"7 % 4 - 1 / 4", "2.75"},
                     {"0.1 + 0.2", "0.30000000000000004"},
                     {"0.1 + 0.2 & ''", R"("0.3")"},
                     {"'a' & 1 & true & null & [1]", R"("a1truenull[1]")"},
                     {"2 in [1, 2] and 'a' < 'b' or false", "true"},
                     {"{'a': 1, 'b': 2} = {'b': 2, 'a': 1}", "true"},
                     {"nothing = nothing", "false"},
                     {"nothing + 1", "undefined"},
                     {"nothing ?? 'else'", R"("else")"},
                     {"0 ?: 'else'", R"("else")"},
                     {"0 ?? 'else'", "0"},
                     {"[1..3, 9]", "[1,2,3,9]"}});
}

TEST(Jsonata, WritesWholeNumbersWithoutAFraction) {
  expect_yields(R"({"large":9007199254740993,"real":1.0})", {{"2 * 1.5", "3"},
                                                             {"1e3", "1000"},
                                                             {"-0", "0"},
                                                             {"1e21", "1e+21"},
                                                             {"1 / 3", "0.3333333333333333"},
                                                             {"large", "9007199254740993"},
                                                             {"real", "1"}});
}

TEST(Jsonata, HasVariablesBlocksAndConditions) {
  expect_yields("", {{"($x := 1; ($x := 2); $x)", "1"},
                     {"($x := $y := 3; $x + $y)", "6"},
                     {"false ? 1", "undefined"},
                     {"1 > 0 ? 'yes' : 'no'", R"("yes")"}});
}

TEST(Jsonata, HasFunctionsThatRememberWhatWasAroundThem) {
  expect_yields("", {{"($f := function($n){$n <= 1 ? 1 : $n * $f($n - 1)}; $f(10))", "3628800"},
                     {"($add := function($a){function($b){$a + $b}}; $add(1)(2))", "3"},
                     {"($third := $substring(?, 2, 1); $third('abc'))", R"("c")"},
                     {"'abc' ~> $uppercase() ~> $length()", "3"},
                     {"($f := $uppercase ~> $length; $f('abc'))", "3"},
                     {"function($x)<n:n>{$x + 1}('a')",
                      "T0410: Argument 1 of function undefined does not match function signature"},
                     {"$sum", "undefined"},
                     {"[$sum]", "[null]"},
                     {"{'f': $sum, 'g': 1}", R"({"g":1})"}});
}

TEST(Jsonata, ChangesACopy) {
  expect_yields(kReceipt,
                {{"($ ~> |address|{'city': 'Rome', 'old': city}, 'geo'|).address", R"({"city":"Rome","old":"Oslo"})"},
                 {"($ ~> |lines|{'total': price * 2}|; lines.total)", "undefined"},
                 {"($c := address ~> |$|{'self': $}|; $c.self.city)", R"("Oslo")"}});
}

TEST(Jsonata, TakesVariablesFromOutside) {
  const Jsonata::Variables variables = {{"states", must(parse_value(R"({"input":{"a":[1,2]}})", "a value"))}, {"n", 5}};
  EXPECT_EQ(yields("$states.input.a[1] + $n", "", variables), "7");
  EXPECT_EQ(yields("$unknown", "", variables), "undefined");
  EXPECT_EQ(yields("($n := 1; $n)", "", variables), "1");
}

TEST(Jsonata, AnInputThatIsAnArrayIsTheContextAsAWhole) {
  expect_yields(R"([{"a":1},{"a":[2,3]}])",
                {{"a", "[1,2,3]"}, {"$[0].a", "1"}, {"$count($)", "2"}, {"$$[1].a[0]", "2"}});
}

TEST(Jsonata, NamesTheVariablesThatItNeeds) {
  const auto free = [](std::string_view expression) { return must(Jsonata::parse(expression)).free_variables(); };
  EXPECT_THAT(free("$states.input.a + $x * $sum($x)"), ElementsAre("states", "x"));
  EXPECT_THAT(free("($x := 1; $x + $y)"), ElementsAre("y"));
  EXPECT_THAT(free("function($a){$a & $b}"), ElementsAre("b"));
  EXPECT_THAT(free("a@$v.b#$i[$i = 0].($v + $w)"), ElementsAre("w"));
  EXPECT_THAT(free("($f := function($n){$n = 0 ? 0 : $g($n - 1)}; $g := function($n){$f($n)}; $f(3))"), IsEmpty());
  EXPECT_THAT(free("(($x := 1); $x)"), ElementsAre("x"));
  EXPECT_THAT(free("$eval('1')"), ElementsAre("eval"));
}

TEST(Jsonata, ReadsRegularExpressionsOfJavaScript) {
  expect_yields("", {{R"($contains("hello$world", /^hello\$/))", "true"},
                     {R"($contains("hello world", /WORLD/))", "false"},
                     {R"($contains("hello world", /WORLD/i))", "true"},
                     {R"($match("a1b22", /[a-z](\d+)/).groups)", R"(["1","22"])"},
                     {R"($replace("Smith, John", /(\w+), (\w+)/, "$2 $1"))", R"("John Smith")"},
                     {R"($split("a - b-c", /\s*-\s*/))", R"(["a","b","c"])"},
                     {R"($match("foobar", /foo(?=bar)/).match)", R"("foo")"},
                     {"$contains('a\u00a0b', /a\\sb/)", "true"},
                     {R"($contains("x", /a**/))",
                      "S0303: Invalid regular expression: /a**/: quantifier does not follow a repeatable item"},
                     {R"($contains("x", /a++/))", "S0303: Invalid regular expression: /a++/: Nothing to repeat"},
                     {R"($contains("x", /(*LIMIT_MATCH=1)x/))",
                      "S0303: Invalid regular expression: /(*LIMIT_MATCH=1)x/: Nothing to repeat"}});
}

}  // namespace
}  // namespace tillite::testing
