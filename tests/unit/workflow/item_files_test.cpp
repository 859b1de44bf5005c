#include "workflow/item_files.h"

#include <gtest/gtest.h>

namespace tillite::testing {
namespace {

std::string items(const ItemReader& reader, std::string_view text, std::int64_t items_max = 0) {
  const Outcome found = items_in(reader, text, items_max);
  return found ? to_text(*found) : found.error().error + ": " + found.error().cause.value_or("");
}

constexpr auto kCsv = ItemReader::Format::csv;

TEST(ItemFiles, ReadsCsvByItsHeadersAsRfc4180Says) {
  EXPECT_EQ(items({.format = kCsv}, "a,b\n1,\"two, \"\"quoted\"\"\nand more\"\r\n,\n"),
            R"([{"a":"1","b":"two, \"quoted\"\nand more"},{"a":"","b":""}])");
  EXPECT_EQ(items({.format = kCsv, .headers_in_first_row = false, .headers = {"x"}}, "1,left out\n2"),
            R"([{"x":"1"},{"x":"2"}])");
  EXPECT_EQ(items({.format = kCsv, .delimiter = '|'},
                  "\xef\xbb\xbf"
                  "a|b\n1"),
            R"([{"a":"1","b":""}])");
}

TEST(ItemFiles, RefusesHeadersThatRepeat) {
  EXPECT_EQ(items({.format = kCsv}, "a,a\n1,2\n"), "States.ItemReaderFailed: CSV headers cannot contain duplicates.");
}

TEST(ItemFiles, ReadsLinesOfJsonAndNamesTheLineThatIsNone) {
  const ItemReader reader{.format = ItemReader::Format::json_lines};
  EXPECT_EQ(items(reader, "{\"a\":1}\n\n[2]\n"), R"([{"a":1},[2]])");
  EXPECT_NE(items(reader, "1\n{").find("Line 2"), std::string::npos);
}

TEST(ItemFiles, TakesNoMoreItemsThanAskedFor) {
  EXPECT_EQ(items({}, "[1,2,3]", 2), "[1,2]");
  EXPECT_EQ(items({.format = kCsv}, "a\n1\n2\n3\n", 1), R"([{"a":"1"}])");
  EXPECT_EQ(items({}, R"({"a":1})"), "States.ItemReaderFailed: Attempting to map over non-iterable node.");
}

}  // namespace
}  // namespace tillite::testing
