#include "expressions/intrinsic_functions.h"

#include <gtest/gtest.h>

#include "base/uuid.h"
#include "expressions/path_expression.h"
#include "unit/expressions/some_scope.h"

namespace tillite::testing {
namespace {

/// The value of a call, or its error behind "had the following error: ".
std::string called(std::string_view call, std::string_view input = "{}") {
  SomeScope some(input);
  const auto value = must(PathExpression::parse(call)).evaluate(some.scope());
  if (value) return to_text(*value);
  const std::string& message = value.error().message();
  const std::string front = fmt::format("The function '{}' had the following error: ", call);
  EXPECT_TRUE(message.starts_with(front)) << message;
  EXPECT_EQ(value.error().name(), "States.Runtime");
  return message.substr(std::min(front.size(), message.size()));
}

TEST(IntrinsicFunctions, FormatFillsPlacesWithTexts) {
  EXPECT_EQ(called("States.Format('Hello {}, you are {}.', $.name, $.age)", R"({"name":"Ada","age":36})"),
            R"("Hello Ada, you are 36.")");
  EXPECT_EQ(called("States.Format($.template, 1)", R"({"template":"n={}"})"), R"("n=1")");
  EXPECT_EQ(called("States.Format('{} {} {} {}', null, true, 1.5, $.o)", R"({"o":{"Arg1":1,"Arg2":[1,"x"],"z":{}}})"),
            R"("null true 1.5 {Arg1=1, Arg2=[1, x], z={}}")");
  EXPECT_EQ(called(R"(States.Format('\{{}\} it\'s \\', 1))"), R"("{1} it's \\")");
}

TEST(IntrinsicFunctions, FormatRefusesATemplateThatDoesNotFit) {
  EXPECT_EQ(called("States.Format('{} {}', 1)"),
            "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.");
  EXPECT_EQ(called("States.Format('{}', 1, 2)"),
            "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.");
  EXPECT_EQ(called("States.Format('Hello {', 1)"),
            "Invalid template in States.Format: matching '}' not found for '{'.");
  EXPECT_EQ(called("States.Format('}')"), "Invalid template in States.Format: matching '{' not found for '}'.");
}

TEST(IntrinsicFunctions, ReadsAndWritesJson) {
  EXPECT_EQ(called("States.StringToJson($.t)", R"({"t":" {\"a\":[1]} "})"), R"({"a":[1]})");
  EXPECT_EQ(called("States.StringToJson('')"), "null");
  EXPECT_EQ(called("States.StringToJson('not json')"), "Invalid arguments in States.StringToJson");
  EXPECT_EQ(called("States.StringToJson(1)"), "Invalid arguments in States.StringToJson");
  EXPECT_EQ(called("States.JsonToString($)", R"({"b":1.5,"a":[null]})"), R"("{\"b\":1.5,\"a\":[null]}")");
}

TEST(IntrinsicFunctions, MakesAndDividesArrays) {
  EXPECT_EQ(called("States.Array('a', 2, null, $.x)", R"({"x":{"y":1}})"), R"(["a",2,null,{"y":1}])");
  EXPECT_EQ(called("States.Array()"), "[]");
  EXPECT_EQ(called("States.ArrayPartition($, 2)", "[1,2,3]"), "[[1,2],[3]]");
  EXPECT_EQ(called("States.ArrayPartition($, 2.6)", "[1,2,3]"), "[[1,2],[3]]");
  EXPECT_EQ(called("States.ArrayPartition($, 0.6)", "[1]"), "Invalid arguments in States.ArrayPartition");
  EXPECT_EQ(called("States.ArrayPartition($, -1)", "[1]"), "Invalid arguments in States.ArrayPartition");
  EXPECT_EQ(called("States.ArrayPartition($, '2')", "[1]"), "Invalid arguments in States.ArrayPartition");
  EXPECT_EQ(called("States.ArrayLength($)", "[1,2]"), "2");
  EXPECT_EQ(called("States.ArrayLength($)", "{}"), "Invalid arguments in States.ArrayLength");
}

TEST(IntrinsicFunctions, CountsFromOneNumberToAnother) {
  EXPECT_EQ(called("States.ArrayRange(1, 9, 2)"), "[1,3,5,7,9]");
  EXPECT_EQ(called("States.ArrayRange(5.4, -0.6, -2.4)"), "[5,3,1]");
  EXPECT_EQ(called("States.ArrayRange(5, 1, 1)"), "[]");
  EXPECT_EQ(called("States.ArrayRange(1, 10, 0.49)"), "Invalid arguments in States.ArrayRange");
  EXPECT_EQ(called("States.ArrayLength(States.ArrayRange(1, 1000, 1))"), "1000");
  EXPECT_EQ(called("States.ArrayRange(1, 1001, 1)"), "Invalid arguments in States.ArrayRange");
}

TEST(IntrinsicFunctions, GetsOneItem) {
  EXPECT_EQ(called("States.ArrayGetItem($, 1.2)", "[1,2]"), "2");
  EXPECT_EQ(called("States.ArrayGetItem($, 2)", "[1,2]"), "Invalid arguments in States.ArrayGetItem");
  EXPECT_EQ(called("States.ArrayGetItem($, -1)", "[1,2]"), "Invalid arguments in States.ArrayGetItem");
  EXPECT_EQ(called("States.ArrayGetItem($, 999)", "[]"), "null");
}

TEST(IntrinsicFunctions, ComparesItemsByTheirTextsInArrayContains) {
  EXPECT_EQ(called("States.ArrayContains($, 2)", "[1,2]"), "true");
  EXPECT_EQ(called("States.ArrayContains($, true)", R"(["true"])"), "true");
  EXPECT_EQ(called("States.ArrayContains($.l, $.x)", R"({"l":[{"a":1,"b":2}],"x":{"a":1,"b":2}})"), "true");
  EXPECT_EQ(called("States.ArrayContains($.l, $.x)", R"({"l":[{"a":1,"b":2}],"x":{"b":2,"a":1}})"), "false");
  EXPECT_EQ(called("States.ArrayContains($, null)", "[[],1]"), "false");
}

TEST(IntrinsicFunctions, KeepsOneOfEqualItemsInTheOrderOfAHashSet) {
  EXPECT_EQ(called("States.ArrayUnique($)", "[1,2,3,3,3,4]"), "[1,2,3,4]");
  EXPECT_EQ(called("States.ArrayUnique($)", "[true,false,true]"), "[false,true]");
  EXPECT_EQ(called("States.ArrayUnique($)", "[[1,2],[1,2],[2,1]]"), "[[2,1],[1,2]]");
  EXPECT_EQ(called("States.ArrayUnique($)", R"([null,null,1,"1","01"])"), R"([null,1,"1","01"])");
  EXPECT_EQ(called("States.ArrayUnique($)", R"([{"a":1,"b":2},{"b":2,"a":1}])"), R"([{"a":1,"b":2}])");
}

TEST(IntrinsicFunctions, EncodesDecodesAndHashes) {
  EXPECT_EQ(called("States.Base64Encode('Data to encode')"), R"("RGF0YSB0byBlbmNvZGU=")");
  EXPECT_EQ(called("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')"), R"("Data to encode")");
  EXPECT_EQ(called("States.Base64Decode(' YW!Jj')"), R"("abc")");
  EXPECT_EQ(called("States.Base64Decode('/w==')"), "\"\xef\xbf\xbd\"");
  EXPECT_EQ(called("States.Hash('hello', 'MD5')"), R"("5d41402abc4b2a76b9719d911017c592")");
  EXPECT_EQ(called("States.Hash('hello', 'SHA-1')"), R"("aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d")");
  EXPECT_EQ(called("States.Hash('hello', 'SHA-384')"),
            R"("59e1748777448c69de6b800d7a33bbfb9ff1b463e44354c3553bcdb9c666fa90125a3c79f90397bdf5f6a13de828684f")");
  EXPECT_EQ(called("States.Hash(123, 'SHA-256')"), called("States.Hash('123', 'SHA-256')"));
  EXPECT_EQ(called("States.Hash('hello', 'sha-256')"), "Invalid arguments in States.Hash");
}

TEST(IntrinsicFunctions, EncodesAndHashesTenThousandCharactersAtMost) {
  const std::string most = fmt::format(R"({{"t":"{}"}})", std::string(10'000, 'A'));
  const std::string more = fmt::format(R"({{"t":"{}"}})", std::string(10'001, 'A'));
  for (const char* call : {"States.Base64Encode($.t)", "States.Base64Decode($.t)", "States.Hash($.t, 'MD5')"}) {
    EXPECT_FALSE(called(call, most).starts_with("Invalid")) << call;
    EXPECT_TRUE(called(call, more).starts_with("Invalid arguments in States.")) << call;
  }
}

TEST(IntrinsicFunctions, MergesObjectsOneLevelDeep) {
  EXPECT_EQ(called("States.JsonMerge($.a, $.b, false)", R"({"a":{"x":{"p":1},"y":1},"b":{"x":{"q":2},"z":3}})"),
            R"({"x":{"q":2},"y":1,"z":3})");
  EXPECT_EQ(called("States.JsonMerge($, $, true)"), "Invalid arguments in States.JsonMerge");
  EXPECT_EQ(called("States.JsonMerge($, null, false)"), "Invalid arguments in States.JsonMerge");
}

TEST(IntrinsicFunctions, RoundsWhatItAddsAndStaysWithin32Bits) {
  EXPECT_EQ(called("States.MathAdd(1.49, 1.5)"), "3");
  EXPECT_EQ(called("States.MathAdd(-0.5, 0.5)"), "1");
  EXPECT_EQ(called("States.MathAdd(-1.51, -2.5)"), "-4");
  EXPECT_EQ(called("States.MathAdd(2147483646, 1)"), "2147483647");
  EXPECT_EQ(called("States.MathAdd(2147483647, 1)"), "Invalid arguments in States.MathAdd");
  EXPECT_EQ(called("States.MathAdd(3000000000, -1000000000)"), "Invalid arguments in States.MathAdd");
  EXPECT_EQ(called("States.MathAdd('1', 1)"), "Invalid arguments in States.MathAdd");
}

TEST(IntrinsicFunctions, DrawsNumbersBelowTheEndAndTheSameForASeed) {
  for (int i = 0; i < 50; ++i) EXPECT_EQ(called("States.MathRandom(1, 2)"), "1");
  EXPECT_EQ(called("States.MathRandom(0, 1000, 42)"), called("States.MathRandom(0, 1000, 42)"));
  EXPECT_EQ(called("States.MathRandom(1, 1)"), "Invalid arguments in States.MathRandom");
  EXPECT_EQ(called("States.MathRandom(1.4, 1.6)"), "Invalid arguments in States.MathRandom");
  EXPECT_EQ(called("States.MathRandom(1, 10, null)"), "Invalid arguments in States.MathRandom");
}

TEST(IntrinsicFunctions, SplitsAtEachCharacterAndDropsEmptyParts) {
  EXPECT_EQ(called("States.StringSplit('a,b,,c,', ',')"), R"(["a","b","c"])");
  EXPECT_EQ(called("States.StringSplit('This.is+a,test=string', '.+,=')"), R"(["This","is","a","test","string"])");
  EXPECT_EQ(called("States.StringSplit('aäbäc', 'ä')"), R"(["a","b","c"])");
  EXPECT_EQ(called("States.StringSplit('abc', '')"), R"(["abc"])");
  EXPECT_EQ(called("States.StringSplit('', ',')"), "[]");
  EXPECT_EQ(called("States.StringSplit(1, ',')"), "Invalid arguments in States.StringSplit");
}

TEST(IntrinsicFunctions, MakesUuidsOfVersionFour) {
  const std::string uuid = called("States.UUID()").substr(1, 36);
  EXPECT_TRUE(is_uuid(uuid)) << uuid;
  EXPECT_EQ(uuid[14], '4');
}

TEST(IntrinsicFunctions, RefusesAnotherNumberOfArguments) {
  for (const char* call : {"States.Format()", "States.StringToJson()", "States.MathAdd(1)", "States.UUID(1)",
                           "States.JsonMerge($, $)", "States.MathRandom(1, 2, 3, 4)"})
    EXPECT_TRUE(called(call).starts_with("Invalid number of arguments for States.")) << call;
}

}  // namespace
}  // namespace tillite::testing
