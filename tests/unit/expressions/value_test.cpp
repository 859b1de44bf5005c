#include "expressions/value.h"

#include <gtest/gtest.h>

#include "support/must.h"

namespace tillite::testing {
namespace {

Value parsed(std::string_view text) { return must(parse_value(text, "a value")); }

TEST(Value, KeepsTheOrderOfFieldsAndTellsWholeNumbersFromOthers) {
  const std::string text = R"({"b":1,"a":1.0,"c":[true,null,"x\"ä",-2.5e+30],"":{}})";
  EXPECT_EQ(to_text(parsed(text)), text);
}

TEST(Value, IsEqualByValueWhateverTheOrderOfFields) {
  EXPECT_EQ(parsed(R"({"a":1,"b":[2]})"), parsed(R"({"b":[2.0],"a":1})"));
  EXPECT_NE(parsed(R"({"a":1})"), parsed(R"({"a":1,"b":2})"));
  EXPECT_NE(parsed("[1,2]"), parsed("[2,1]"));
  EXPECT_NE(Value(0), Value(false));
}

TEST(Value, FindsSetsAndErasesFieldsOfLargeObjects) {
  Value::Object object;
  for (int i = 0; i < 1000; ++i) object.set(fmt::format("field{}", i), i);
  object.set("field7", "seven");
  EXPECT_TRUE(object.erase("field0"));
  EXPECT_FALSE(object.erase("field0"));
  EXPECT_EQ(object.size(), 999U);
  EXPECT_EQ(*object.find("field7"), Value("seven"));
  EXPECT_EQ(*object.find("field999"), Value(999));
  EXPECT_EQ(object.find("field0"), nullptr);
}

TEST(Value, OfFieldsWithOneNameTheLastCounts) {
  EXPECT_EQ(to_text(parsed(R"({"a":1,"b":2,"a":3})")), R"({"a":3,"b":2})");
}

TEST(Value, RefusesWhatIsNoJsonNamingIt) {
  for (const char* text : {"", "{", "[1,]", "nan", "1e999", "\"\xff\"", "{} {}"}) {
    const auto value = parse_value(text, "the input");
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code(), Code::invalid_input);
    EXPECT_TRUE(value.error().message().starts_with("the input is not valid JSON")) << value.error().message();
  }
  EXPECT_FALSE(parse_value(std::string(600, '[') + std::string(600, ']'), "a value"));
}

TEST(Value, GoesToJsonAndBack) {
  const Value value = parsed(R"({"a":[1,2.5,"x",null,true],"b":{}})");
  EXPECT_EQ(to_value(to_json(value)), value);
}

}  // namespace
}  // namespace tillite::testing
