// Compares with js-tiktoken, which scripts/setup test installs.
#include <gtest/gtest.h>
#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/file.h"
#include "base/json.h"
#include "embedding/input_format.h"
#include "embedding/tokens/tokenizer.h"
#include "receipts/receipt_reader.h"
#include "support/must.h"
#include "support/shared_data.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

constexpr std::size_t kRandomTexts = 20'000;

Path tools() {
  const char* named = std::getenv("TILLITE_TOOLS");
  return named != nullptr ? Path(named) : Path(TILLITE_SOURCE_DIR) / "build/tools";
}

/// Texts of what the encoding tells apart, and of any characters that Unicode has.
class RandomTexts {
 public:
  std::string next() {
    std::string text;
    for (std::size_t parts = 1 + below(30); parts > 0; --parts) {
      for (std::size_t length = 1 + below(6); length > 0; --length) append_character(text);
    }
    return text;
  }

 private:
  static constexpr std::array<std::u32string_view, 12> kAlphabets = {U"abcdefghijklmnopqrstuvwxyz",
                                                                     U"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                                                                     U"0123456789",
                                                                     U"  \t\n\r ",
                                                                     U"'s'S'l'L'r'e'v'E'm'D't",
                                                                     U"!\"#$%&()*+,-./:;<=>?@[]^_`{|}~",
                                                                     U"\u00e9\u00e8\u00fc\u00df\u00f8\u00f1",
                                                                     U"\u65e5\u672c\u8a9e\u4e2d\u6587\ud55c\uad6d",
                                                                     U"\U0001f600\U0001f44d\U0001f3fd\u200d\U0001f469",
                                                                     U"\u0639\u0631\u0628\u064a\u0301\u0308",
                                                                     U"\u00bd\u2167\u2460\u0663",
                                                                     U"\u00a0\u2003\u3000\u2028\u1680\u202f"};

  std::size_t below(std::size_t bound) { return random_() % bound; }

  void append_character(std::string& text) {
    if (below(8) != 0) {
      if (below(3) == 0) alphabet_ = kAlphabets.at(below(kAlphabets.size()));
      return append(text, static_cast<utf8proc_int32_t>(alphabet_[below(alphabet_.size())]));
    }
    while (true) {
      const auto code_point = static_cast<utf8proc_int32_t>(below(0x110000));
      if (is_comparable(code_point)) return append(text, code_point);
    }
  }

  /// Whether both programs know the same of a character. Three are told apart otherwise in JavaScript than where the
  /// encoding comes from: U+0085 is a blank, U+FEFF is none, and the long s is an s in a contraction.
  static bool is_comparable(utf8proc_int32_t code_point) {
    if (code_point == 0x85 || code_point == 0xfeff || code_point == 0x17f) return false;
    const auto category = utf8proc_category(code_point);
    return category != UTF8PROC_CATEGORY_CN && category != UTF8PROC_CATEGORY_CS;
  }

  static void append(std::string& text, utf8proc_int32_t code_point) {
    std::array<utf8proc_uint8_t, 4> buffer{};
    const auto size = utf8proc_encode_char(code_point, buffer.data());
    text.append(reinterpret_cast<const char*>(buffer.data()), static_cast<std::size_t>(size));
  }

  std::mt19937 random_{20};
  std::u32string_view alphabet_ = kAlphabets.front();
};

/// The peer's tokens of each text, as JSON.
std::vector<std::string> tokens_of_peer(const std::vector<std::string>& texts) {
  const TempFolder folder;
  std::string questions;
  for (const std::string& text : texts) questions += to_text(Json(text)) + "\n";
  std::ofstream(folder / "questions") << questions;
  const std::string command =
      fmt::format("'{}' '{}' '{}' <'{}' >'{}'", (tools() / "bin/node").string(),
                  (Path(TILLITE_SOURCE_DIR) / "tests/tokens/peer.mjs").string(), (tools() / "tokens").string(),
                  (folder / "questions").string(), (folder / "answers").string());
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  std::vector<std::string> answers;
  std::ifstream lines(folder / "answers");
  for (std::string line; std::getline(lines, line);) answers.push_back(line);
  return answers;
}

void expect_the_peers_tokens(const std::vector<std::string>& texts) {
  const std::vector<std::string> expected = tokens_of_peer(texts);
  ASSERT_EQ(expected.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(to_text(Json(must(cl100k_base().encode(texts[i])))), expected[i]) << to_text(Json(texts[i]));
  }
}

class TokenizerPeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(tools() / "tokens/node_modules/js-tiktoken") ||
        !std::filesystem::exists(tools() / "bin/node"))
      GTEST_SKIP() << "no js-tiktoken in " << tools().string() << ": run scripts/setup test";
  }
};

TEST_F(TokenizerPeerTest, RandomTextsHaveTheSameTokens) {
  RandomTexts random;
  std::vector<std::string> texts;
  texts.reserve(kRandomTexts);
  for (std::size_t i = 0; i < kRandomTexts; ++i) texts.push_back(random.next());
  expect_the_peers_tokens(texts);
}

TEST_F(TokenizerPeerTest, WhatIsSentOfRealReceiptsHasTheSameTokens) {
  if (!SharedData::has("receipts/sroie_train.jsonl")) GTEST_SKIP() << SharedData::how_to_get();
  std::vector<std::string> texts;
  std::ifstream lines(SharedData::at("receipts/sroie_train.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const Receipt receipt = must(parse_receipt(must(parse_json(line, "the receipt"))));
    for (const Entity entity : kEntities) {
      for (const auto& [id, text] : embedding_inputs(receipt, default_format(entity))) texts.push_back(text);
    }
  }
  ASSERT_GT(texts.size(), 10'000U);
  expect_the_peers_tokens(texts);
}

TEST_F(TokenizerPeerTest, TheRanksMadeAnewAreThoseInTheRepository) {
  const TempFolder folder;
  const std::string command = fmt::format("TILLITE_TOOLS='{}' '{}' '{}' >'{}'", tools().string(),
                                          (Path(TILLITE_SOURCE_DIR) / "scripts/make-token-ranks").string(),
                                          (folder / "ranks.gz").string(), (folder / "log").string());
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  // Two versions of gzip may compress the same bytes differently.
  const TokenRanks made(as_bytes(must(read_file(folder / "ranks.gz"))));
  const TokenRanks& known = cl100k_base().ranks();
  ASSERT_EQ(made.size(), known.size());
  for (std::uint32_t rank = 0; rank < made.size(); ++rank) ASSERT_EQ(made.token(rank), known.token(rank));
}

}  // namespace
}  // namespace tillite::testing
