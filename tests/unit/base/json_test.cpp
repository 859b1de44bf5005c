#include "base/json.h"

#include <gtest/gtest.h>

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

TEST(JsonTest, ErrorsNameWhatIsReadAndWhere) {
  EXPECT_EQ(parse_json("{]", "the event").error().message(), "the event is not valid JSON at byte 2");
  EXPECT_FALSE(parse_json("", "the event"));
}

}  // namespace
}  // namespace tillite::testing
