#include <gmock/gmock.h>

#include "base/uuid.h"
#include "support/jsonata.h"

namespace tillite::testing {
namespace {

TEST(JsonataFunctions, WorkOnTexts) {
  expect_yields("", {{"$substring('Hello', 1, 3)", R"("ell")"},
                     {"$substring('Hello', -2)", R"("lo")"},
                     {"$substringBefore('key=value', '=')", R"("key")"},
                     {"$substringAfter('key=value', '=')", R"("value")"},
                     {"$length('été 😀')", "5"},
                     {"$uppercase('straße é')", R"("STRASSE É")"},
                     {"$trim('  a \t b\n')", R"("a b")"},
                     {"$pad('7', -3, '0')", R"("007")"},
                     {"$split('a,b,c', ',', 2)", R"(["a","b"])"},
                     {"$join(['a', 'b'], '-')", R"("a-b")"},
                     {"$contains('abc', 'b')", "true"},
                     {"$replace('abab', 'a', 'x', 1)", R"("xbab")"},
                     {"$string({'a': [1, 0.1 + 0.2]})", R"("{\"a\":[1,0.3]}")"},
                     {"$string([1], true)", R"("[\n  1\n]")"},
                     {"$base64decode($base64encode('Hello'))", R"("Hello")"},
                     {"$encodeUrlComponent('a b&é')", R"("a%20b%26%C3%A9")"},
                     {"$encodeUrl('http://a/b c?d=e')", R"("http://a/b%20c?d=e")"},
                     {"$decodeUrlComponent('a%20b')", R"("a b")"}});
}

TEST(JsonataFunctions, WorkOnNumbers) {
  expect_yields("", {{"$number('1.5e2')", "150"},
                     {"$number('0x1f')", "31"},
                     {"$number('x')", "D3030: Unable to cast value to a number: \"x\""},
                     {"[$floor(-1.5), $ceil(-1.5), $abs(-2)]", "[-2,-1,2]"},
                     {"[$round(0.5), $round(1.5), $round(2.5), $round(-2.5)]", "[0,2,2,-2]"},
                     {"[$round(1.005, 2), $round(125, -1)]", "[1,120]"},
                     {"[$sqrt(16), $power(2, 10)]", "[4,1024]"},
                     {"[$sum([1, 2]), $max([1, 3, 2]), $min([2, 1]), $average([1, 2])]", "[3,3,1,1.5]"},
                     {"$formatNumber(1234567.891, '#,##0.00')", R"("1,234,567.89")"},
                     {"$formatNumber(-0.14, '#0%;(#0%)')", "\"(14%)\""},
                     {"$formatNumber(1234.5678, '0.00e0')", R"("1.23e3")"},
                     {"$formatBase(255, 16)", R"("ff")"},
                     {"$formatInteger(1999, 'I')", R"("MCMXCIX")"},
                     {"$formatInteger(2789, 'w')", R"("two thousand, seven hundred and eighty-nine")"},
                     {"$formatInteger(23, '0;o')", R"("23rd")"},
                     {"$parseInteger('twelve thousand, four hundred and seventy-six', 'w')", "12476"},
                     {"$parseInteger('12,345', '#,##0')", "12345"}});
}

TEST(JsonataFunctions, WorkOnArraysAndObjects) {
  expect_yields("", {{"$append([1], [2, 3])", "[1,2,3]"},
                     {"$reverse([1, 2])", "[2,1]"},
                     {"$sort([3, 1, 2])", "[1,2,3]"},
                     {"$sort([{'n': 2}, {'n': 1}], function($l, $r){$l.n > $r.n}).n", "[1,2]"},
                     {"$distinct([1, '1', 1, {'a': 1}, {'a': 1}])", R"([1,"1",{"a":1}])"},
                     {"$zip([1, 2], ['a', 'b'])", R"([[1,"a"],[2,"b"]])"},
                     {"$count($shuffle([1..100]))", "100"},
                     {"$sort($shuffle([1..9]))", "[1,2,3,4,5,6,7,8,9]"},
                     {"$keys([{'a': 1}, {'b': 2, 'a': 3}])", R"(["a","b"])"},
                     {"$lookup({'a': 1}, 'a')", "1"},
                     {"$spread({'a': 1, 'b': 2})", R"([{"a":1},{"b":2}])"},
                     {"$merge([{'a': 1}, {'a': 2, 'b': 3}])", R"({"a":2,"b":3})"},
                     {"$type(null) & $type([]) & $type($sum)", R"("nullarrayfunction")"}});
}

TEST(JsonataFunctions, CallOtherFunctions) {
  expect_yields("", {{"$map([1, 2], function($v, $i, $a){$v * $i + $count($a)})", "[2,4]"},
                     {"$map(['1', '2'], $number)", "[1,2]"},
                     {"$filter([1..6], function($v){$v % 3 = 0})", "[3,6]"},
                     {"$reduce([1..4], function($a, $v){$a * $v})", "24"},
                     {"$single([1, 2], function($v){$v = 2})", "2"},
                     {"$each({'a': 1}, function($v, $k){$k & $v})", R"("a1")"},
                     {"$sift({'a': 1, 'b': 2}, function($v){$v > 1})", R"({"b":2})"},
                     {"$replace('abc', /b/, function($m){$uppercase($m.match)})", R"("aBc")"}});
}

TEST(JsonataFunctions, WorkOnInstants) {
  expect_yields("", {{"$now()", R"("2023-11-14T22:13:20.123Z")"},
                     {"$millis()", "1700000000123"},
                     {"$toMillis('2018-03-23T10:33:36.617+01:00')", "1521797616617"},
                     {"$toMillis('23 March 2018', '[D] [MNn] [Y]')", "1521763200000"},
                     {"$toMillis('22:14', '[H]:[m]') - $toMillis('22:13', '[H]:[m]')", "60000"},
                     {"$fromMillis(1521801216617, '[FNn], [D1o] [MNn] [Y0001] [h]:[m01] [P] [z]', '+0200')",
                      R"("Friday, 23rd March 2018 12:33 pm GMT+02:00")"},
                     {"$fromMillis(1514678400000, '[X]-W[W01]-[F1]')", R"("2017-W52-7")"},
                     {"$toMillis('yesterday')",
                      "D3110: The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given "
                      "\"yesterday\""}});
}

TEST(JsonataFunctions, OfStepFunctionsAreKnown) {
  expect_yields("",
                {{"$partition([0..4], 2)", "[[0,1],[2,3],[4]]"},
                 {"$partition([0], 1)", "[[0]]"},
                 {"$partition([], 2)", "[]"},
                 {"$partition([1], 0)",
                  "D3201: The parts of the $partition function must have at least one item. It was given 0"},
                 {"$range(1, 9, 2)", "[1,3,5,7,9]"},
                 {"$range(1, 9, 9)", "1"},
                 {"$range(5, 1, -2)", "[5,3,1]"},
                 {"$range(1, 0, 1)", "undefined"},
                 {"$range(1, 2, 0)", "D3202: The step of the $range function must not be 0"},
                 {"$hash('abc', 'MD5')", R"("900150983cd24fb0d6963f7d28e17f72")"},
                 {"$hash('abc', 'SHA-1')", R"("a9993e364706816aba3e25717850c26c9cd0d89d")"},
                 {"$hash('abc', 'SHA-2')",
                  "D3203: The $hash function knows MD5, SHA-1, SHA-256, SHA-384 and SHA-512. It was given \"SHA-2\""},
                 {"$parse('{\"a\":[1,2.5]}').a", "[1,2.5]"},
                 {"$parse('-0')", "0"},
                 {"$random(42) = $random(42)", "true"},
                 {"$random(42)", "0.7275636800328681"},
                 {"$random() < 1 and $random() >= 0", "true"},
                 {"$randomSeeded(1)", "T1006: Attempted to invoke a non-function"},
                 {"$eval('1')", "T1006: Attempted to invoke a non-function"}});
  const std::string uuid = yields("$uuid()");
  EXPECT_TRUE(is_uuid(uuid.substr(1, uuid.size() - 2))) << uuid;
}

TEST(JsonataFunctions, TakeTheContextForAMissingArgument) {
  expect_yields(
      R"({"text":"abc","n":4})",
      {{"text.$uppercase()", R"("ABC")"},
       {"text.$substring(1)", R"("bc")"},
       {"n.$sqrt()", "2"},
       {"n.$uppercase()", "T0411: Context value is not a compatible type with argument 1 of function \"uppercase\""}});
}

}  // namespace
}  // namespace tillite::testing
