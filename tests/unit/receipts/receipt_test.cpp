#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "receipts/noise.h"
#include "receipts/receipt_reader.h"
#include "receipts/sample.h"

namespace tillite {
namespace {

constexpr std::string_view kGood =
    R"({"image_id":"6f1ed002-ab5f-4a3c-9d2e-0c4f5a3b2c1d","receipt_id":1,"lines":[{"line_id":1,"text":"OAT MILK 2.19",)"
    R"("box":{"x":0.1,"y":0.5,"width":0.4,"height":0.02}}]})";

/// What a reader makes of one text: the receipts, and the bad lines' texts.
struct Read {
  std::vector<Receipt> receipts;
  std::vector<std::string> bad;
};

Read read(const std::string& text) {
  const auto source = source_of(text);
  ReceiptReader reader(*source, "a.jsonl");
  Read all;
  while (true) {
    auto next = reader.next();
    if (!next || (!next->receipt && !next->bad)) return all;
    if (next->receipt) all.receipts.push_back(*next->receipt);
    if (next->bad) all.bad.push_back(next->bad->text());
  }
}

std::string with(std::string_view from, std::string_view to) {
  std::string text(kGood);
  const std::size_t place = text.find(from);
  EXPECT_NE(place, std::string::npos) << from;
  return text.replace(place, from.size(), to);
}

TEST(ReceiptReader, SplitsALineIntoWordsByTheShareOfTheirCharacters) {
  const auto all = read(std::string(kGood));
  ASSERT_EQ(all.receipts.size(), 1U);
  const auto& words = all.receipts.front().lines.front().words;
  ASSERT_EQ(words.size(), 3U);
  EXPECT_EQ(words[1].text, "MILK");
  EXPECT_NEAR(words[1].box.x, 0.1 + 0.4 * 4 / 13, 1e-12);
  EXPECT_NEAR(words[1].box.width, 0.4 * 4 / 13, 1e-12);
}

TEST(ReceiptReader, NamesFileLineFieldAndReasonOfWhatIsBadAndTakesTheOthers) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{", "a.jsonl:2: the line is not valid JSON"},
      {"[]", "a.jsonl:2: a receipt must be a JSON object"},
      {with("\"receipt_id\":1,", ""), "a.jsonl:2: receipt_id: is missing"},
      {with("\"receipt_id\":1", "\"receipt_id\":\"1\""), "a.jsonl:2: receipt_id: must be a whole number"},
      {with("\"receipt_id\":1", "\"receipt_id\":0"), "a.jsonl:2: receipt_id: must be from 1"},
      {with("6f1ed002", "zzzzzzzz"), "a.jsonl:2: image_id: must be a UUID"},
      {with("\"x\":0.1", "\"x\":0.9"), "a.jsonl:2: lines[0].box: lies outside the image"},
      {with("\"width\":0.4", "\"width\":-0.4"), "a.jsonl:2: lines[0].box: width and height"},
      {with("\"x\":0.1", "\"x\":\"a\""), "a.jsonl:2: lines[0].box.x: must be a number"},
      {with("OAT", "\xff\xfe"), "a.jsonl:2: the line is not valid UTF-8"},
      {with("OAT", "\\u0000"), "a.jsonl:2: lines[0].text: has a control character"},
      {with("[{\"line_id\":1",
            "[{\"line_id\":1,\"text\":\"A\",\"box\":{\"x\":0,\"y\":0,\"width\":0,\"height\":0}},{\"line_id\":1"),
       "a.jsonl:2: lines[1].line_id: 1 is there twice"},
      {std::string(100'000, '['), "a.jsonl:2: the line is nested deeper"},
      {std::string(10'000'000, 'x'), "a.jsonl:2: the line is longer than"},
  };
  for (const auto& [line, expected] : cases) {
    const auto all = read(std::string(kGood) + "\n" + line + "\n" + std::string(kGood) + "\n");
    EXPECT_EQ(all.receipts.size(), 2U) << expected;
    ASSERT_EQ(all.bad.size(), 1U) << expected;
    EXPECT_TRUE(all.bad.front().starts_with(expected)) << all.bad.front().substr(0, 200) << "\nexpected " << expected;
  }
}

TEST(ReceiptReader, FindsNothingInAnEmptyFile) {
  EXPECT_TRUE(read("").receipts.empty());
  EXPECT_TRUE(read("\n\n").bad.empty());
}

TEST(ReceiptReader, TurnsPixelsFromTheTopLeftIntoPartsFromTheBottomLeft) {
  const auto all = read(
      R"({"image_id":"6f1ed002-ab5f-4a3c-9d2e-0c4f5a3b2c1d","receipt_id":1,"width":200,"height":1000,"entities":{"company":"SHOP"},)"
      R"("lines":[{"line_id":1,"text":"A B","x":20,"y":100,"width":40,"height":50}]})");
  ASSERT_EQ(all.receipts.size(), 1U) << (all.bad.empty() ? "" : all.bad.front());
  const Box& box = all.receipts.front().lines.front().box;
  EXPECT_NEAR(box.x, 0.1, 1e-12);
  EXPECT_NEAR(box.y, 0.85, 1e-12);
  EXPECT_NEAR(box.width, 0.2, 1e-12);
  EXPECT_NEAR(box.height, 0.05, 1e-12);
  EXPECT_EQ(all.receipts.front().merchant, "SHOP");
}

TEST(ReceiptReader, ReadsAllOfSroie) {
  const char* shared = std::getenv("TILLITE_SHARED");
  const Path file = (shared != nullptr ? Path(shared) : Path(TILLITE_SOURCE_DIR) / ".." / "shared") /
                    "data/receipts/sroie_train.jsonl";
  const auto source = file_source(file);
  if (!source) GTEST_SKIP() << "SROIE is not here: set TILLITE_SHARED to a folder with data/receipts/sroie_train.jsonl";
  ReceiptReader reader(**source, file.filename());
  std::size_t receipts = 0;
  std::size_t lines = 0;
  std::size_t words = 0;
  while (true) {
    const auto next = reader.next();
    ASSERT_TRUE(next);
    ASSERT_FALSE(next->bad) << next->bad->text();
    if (!next->receipt) break;
    ++receipts;
    lines += next->receipt->lines.size();
    for (const Line& line : next->receipt->lines) words += line.words.size();
  }
  EXPECT_EQ(receipts, 626U);
  EXPECT_EQ(lines, 33'626U);
  EXPECT_EQ(words, 68'628U);
}

TEST(Noise, IsWhatHasNoLetterDigitOrCurrencySign) {
  for (const auto* noise : {"", "  ", ".", "-----", "====", "*", "( )", "~~"}) EXPECT_TRUE(is_noise(noise)) << noise;
  for (const auto* text : {"$5.99", "5.99$", "€", "A", "7", "@", "#", "TOTAL:", "é", "炒"})
    EXPECT_FALSE(is_noise(text)) << text;
}

TEST(Sample, IsTheSameForTheSameSeed) {
  EXPECT_EQ(sample_receipt(7, 3), sample_receipt(7, 3));
  EXPECT_NE(sample_receipt(7, 3), sample_receipt(8, 3));
}

TEST(Sample, RepeatsItselfAsReceiptsDo) {
  std::multiset<std::string> texts;
  for (std::uint64_t i = 0; i < 600; ++i) {
    for (const Line& line : sample_receipt(1, i).lines) texts.insert(line.text);
  }
  const std::set<std::string> distinct(texts.begin(), texts.end());
  const double repeated = 1 - static_cast<double>(distinct.size()) / static_cast<double>(texts.size());
  EXPECT_GT(repeated, 0.5);
  EXPECT_LT(repeated, 0.9);
}

RC_GTEST_PROP(Sample, CanBeReadBackExactly, (std::uint64_t seed)) {
  const Receipt receipt = sample_receipt(seed, 5);
  const auto parsed = parse_receipt(receipt_json(receipt));
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(*parsed == receipt);
}

RC_GTEST_PROP(RecordIds, AreReadBackAsTheyWereMade, ()) {
  const int receipt = *rc::gen::inRange(1, 99'999);
  const int line = *rc::gen::inRange(1, 99'999);
  const int word = *rc::gen::inRange(1, 99'999);
  const ImageId image("6f1ed002-ab5f-4a3c-9d2e-0c4f5a3b2c1d");
  const auto name = parse_record_id(word_record_id(image, receipt, line, word));
  RC_ASSERT(name.has_value());
  RC_ASSERT(name->receipt_id == receipt && name->line_id == line && name->word_id == word && name->image_id == image);
}

}  // namespace
}  // namespace tillite
