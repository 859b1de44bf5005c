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

TEST(ItemFiles, AManifestNamesItsFilesAndTheirColumns) {
  const auto inventory = inventory_in(
      R"({"sourceBucket":"a","destinationBucket":"arn:aws:s3:::b","fileFormat":"CSV","fileSchema":"Bucket, Key, Size","files":[{"key":"x.csv.gz","size":5,"MD5checksum":"0"},{"key":"y.csv"}]})");
  ASSERT_TRUE(inventory) << inventory.error().cause.value_or("");
  EXPECT_EQ(inventory->bucket, "arn:aws:s3:::b");
  EXPECT_EQ(inventory->columns, (std::vector<std::string>{"Bucket", "Key", "Size"}));
  EXPECT_EQ(inventory->keys, (std::vector<std::string>{"x.csv.gz", "y.csv"}));
}

TEST(ItemFiles, SaysWhatIsWrongWithAManifest) {
  const auto wrong = [](std::string_view text) { return inventory_in(text).error().cause.value_or(""); };
  EXPECT_NE(wrong("{").find("The manifest"), std::string::npos);
  EXPECT_EQ(wrong("{}"), "The manifest has no list of files.");
  EXPECT_EQ(wrong(R"({"files":[],"fileFormat":"ORC"})"),
            "The manifest's files are of the format 'ORC'; CSV can be read.");
  EXPECT_NE(wrong(R"({"files":[],"fileFormat":"CSV"})").find("fileSchema"), std::string::npos);
  EXPECT_EQ(wrong(R"({"files":[{}],"fileFormat":"CSV","fileSchema":"Key"})"), "A file of the manifest has no key.");
}

TEST(ItemFiles, TakesNoMoreItemsThanAskedFor) {
  EXPECT_EQ(items({}, "[1,2,3]", 2), "[1,2]");
  EXPECT_EQ(items({.format = kCsv}, "a\n1\n2\n3\n", 1), R"([{"a":"1"}])");
  EXPECT_EQ(items({}, R"({"a":1})"), "States.ItemReaderFailed: Attempting to map over non-iterable node.");
}

}  // namespace
}  // namespace tillite::testing
