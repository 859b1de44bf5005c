#include "workflow/definition_text.h"

#include <gtest/gtest.h>

#include "expressions/value.h"

namespace tillite::testing {
namespace {

/// The message's first line.
std::string problem(std::string_view text) {
  const auto error = json_text_error(text);
  return error ? error->message.substr(0, error->message.find('\n')) : "";
}

TEST(DefinitionText, SaysWhatJacksonSays) {
  EXPECT_EQ(problem(R"({"a": tru})"),
            "Unrecognized token 'tru': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or "
            "'false')");
  EXPECT_EQ(problem(R"({"a" 1})"),
            "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value");
  EXPECT_EQ(problem(R"({"a":1 "b":2})"),
            "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries");
  EXPECT_EQ(problem(R"({"a":1,})"),
            "Unexpected character ('}' (code 125)): was expecting double-quote to start field name");
  EXPECT_TRUE(
      problem(R"({"a":[1)").starts_with("Unexpected end-of-input: expected close marker for Array (start marker at"));
}

TEST(DefinitionText, NamesLineAndColumnAndShowsTheBeginning) {
  const auto error = json_text_error("{\n  \"a\": x1\n}" + std::string(600, ' '));
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->location.ends_with("[truncated 113 chars]; line: 2, column: 10]")) << error->location;
}

TEST(DefinitionText, AgreesWithTheParserOnWhatIsJson) {
  for (const char* text : {"{}", "[1,-0.5e+3,\"\\u00e4\",null]", "0", " \"a\" ", "{\"a\":{\"b\":[]}}", "01", "1.",
                           "[1,]", "{,}", "\"\\x\"", "\"\n\"", "nul", "{} {}", "-", "[", "{\"a\":}"})
    EXPECT_EQ(json_text_error(text).has_value(), !parse_value(text, "a text").has_value()) << text;
}

}  // namespace
}  // namespace tillite::testing
