#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tillite::testing {
namespace {

std::string nested(std::size_t levels, const std::string& inside = "") {
  return std::string(levels, '[') + inside + std::string(levels, ']');
}

TEST(JsonTest, IsReadDownTo512Levels) {
  const auto deep = parse_json(nested(512), "the event");
  ASSERT_TRUE(deep) << deep.error().message();
  EXPECT_EQ(to_text(*deep), nested(512));
  const auto wide = parse_json("[" + nested(500) + "," + nested(500) + "]", "the event");
  EXPECT_TRUE(wide) << wide.error().message();
}

TEST(JsonTest, WhatIsDeeperIsRefusedBeforeAnythingIsMadeOfIt) {
  for (const std::size_t levels : {513UL, 3'000'000UL}) {
    const auto deep = parse_json(nested(levels), "the event");
    ASSERT_FALSE(deep);
    EXPECT_EQ(deep.error().code(), Code::invalid_input);
    EXPECT_EQ(deep.error().message(), "the event is more than 512 levels deep");
  }
}

TEST(JsonTest, BracketsInTextsAreNoLevels) {
  const std::string brackets = R"(")" + std::string(600, '[') + R"(\"{\\")";
  const auto text = parse_json(nested(511, brackets), "the event");
  EXPECT_TRUE(text) << text.error().message();
  EXPECT_FALSE(parse_json(nested(511, R"(["\\",[[]]])"), "the event")) << "the text has ended before them";
}

TEST(JsonTest, TextsAreWhatTheLibraryWrites) {
  using std::string_literals::operator""s;
  const Json values = {{"empty", {Json::object(), Json::array(), "", nullptr}},
                       {"numbers",
                        {0, 1, -1, INT64_MIN, INT64_MAX, UINT64_MAX, 0.0, -0.0, 0.1, 1.0, 1e22, 1e-7, 5e-324, 0.1 + 0.2,
                         123456.789e-30, 1.7976931348623157e308, INFINITY, NAN}},
                       {"flags", {true, false}},
                       {"nested", {{{"b", {1, {2, {{"c", "d"}}}}}, {"a", "first"}}}},
                       {"texts",
                        {"plain", "two words", "a \"quote\"", "back\\slash", "/", "line\nend", "\0"s, "\x1f", "\x7f",
                         "\t\b\f\r", "K\u00e4se \u20ac \U0001f37a", "\xff no UTF-8 \xc3", "cut off \xe2\x82"}},
                       {"a \"name\"", 1},
                       {"n\u00e4me", 2},
                       {"\xff no UTF-8", 3},
                       {"a\nb\0c"s, 4}};
  EXPECT_EQ(to_text(values), values.dump(-1, ' ', false, Json::error_handler_t::replace));
  for (const auto& [name, value] : values.items()) {
    EXPECT_EQ(to_text(value), value.dump(-1, ' ', false, Json::error_handler_t::replace)) << name;
    for (const Json& element : value) {
      EXPECT_EQ(to_text(element), element.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
  }
}

TEST(JsonTest, ErrorsNameWhatIsReadAndWhere) {
  EXPECT_EQ(parse_json("{]", "the event").error().message(), "the event is not valid JSON at byte 2");
  EXPECT_FALSE(parse_json("", "the event"));
}

}  // namespace
}  // namespace tillite::testing
