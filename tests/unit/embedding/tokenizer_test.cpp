#include "embedding/tokens/tokenizer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <thread>

#include "base/text.h"
#include "embedding/tokens/piece_merger.h"
#include "embedding/tokens/text_pieces.h"

namespace tillite {
namespace {

using Tokens = std::vector<std::uint32_t>;

std::vector<std::string> pieces_of(std::string_view text) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    const std::size_t bytes = first_piece_bytes(text);
    pieces.emplace_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return pieces;
}

std::vector<std::string> tokens_of(std::string_view text) {
  const Tokens encoded = cl100k_base().encode(text).value();
  std::vector<std::string> tokens;
  for (const std::uint32_t token : encoded) tokens.emplace_back(cl100k_base().ranks().token(token));
  return tokens;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

/// Byte-pair encoding as it is defined: look at all pairs, join the first of the lowest rank, look again.
std::vector<std::uint32_t> merged_step_by_step(std::string_view piece) {
  const TokenRanks& ranks = cl100k_base().ranks();
  std::vector<std::uint32_t> sizes(piece.size(), 1);
  while (true) {
    std::uint32_t lowest = TokenRanks::kNone;
    std::size_t joined = 0;
    std::size_t begin = 0;
    for (std::size_t i = 0; i + 1 < sizes.size(); begin += sizes[i++]) {
      const std::uint32_t rank = ranks.rank_of(piece.substr(begin, sizes[i] + sizes[i + 1]));
      if (rank < lowest) {
        lowest = rank;
        joined = i;
      }
    }
    if (lowest == TokenRanks::kNone) return sizes;
    sizes[joined] += sizes[joined + 1];
    sizes.erase(sizes.begin() + static_cast<std::ptrdiff_t>(joined) + 1);
  }
}

TEST(Tokenizer, GivesTheNumbersThatAreKnownOfCl100kBase) {
  const Tokenizer& tokenizer = cl100k_base();
  EXPECT_EQ(tokenizer.ranks().size(), 100'256U);
  EXPECT_EQ(tokenizer.encode("hello world").value(), (Tokens{15339, 1917}));
  EXPECT_EQ(tokenizer.encode("tiktoken is great!").value(), (Tokens{83, 1609, 5963, 374, 2294, 0}));
  EXPECT_EQ(tokenizer.encode("antidisestablishmentarianism").value(), (Tokens{519, 85342, 34500, 479, 8997, 2191}));
  EXPECT_EQ(tokenizer.encode("2 + 2 = 4").value(), (Tokens{17, 489, 220, 17, 284, 220, 19}));
  EXPECT_EQ(tokenizer.encode("お誕生日おめでとう").value(),
            (Tokens{33334, 45918, 243, 21990, 9080, 33334, 62004, 16556, 78699}));
  EXPECT_EQ(tokenizer.encode("").value(), Tokens{});
}

TEST(Tokenizer, SpecialTokensInATextArePlainText) {
  EXPECT_EQ(tokens_of("<|endoftext|>"), (std::vector<std::string>{"<", "|", "endo", "ft", "ext", "|", ">"}));
}

TEST(Tokenizer, APieceIsAWordADigitGroupARunOfSignsOrBlanks) {
  using Pieces = std::vector<std::string>;
  EXPECT_EQ(pieces_of("TOTAL RM 1234.50"), (Pieces{"TOTAL", " RM", " ", "123", "4", ".", "50"}));
  EXPECT_EQ(pieces_of("(GST)"), (Pieces{"(GST", ")"}));
  EXPECT_EQ(pieces_of("a == b"), (Pieces{"a", " ==", " b"}));
  EXPECT_EQ(pieces_of("--\r\n\r\nx"), (Pieces{"--\r\n\r\n", "x"}));
  EXPECT_EQ(pieces_of("fran\u00e7ais \u65e5\u672c"), (Pieces{"fran\u00e7ais", " \u65e5\u672c"}));
}

TEST(Tokenizer, ContractionsAreKnownInAnyCase) {
  using Pieces = std::vector<std::string>;
  EXPECT_EQ(pieces_of("it's"), (Pieces{"it", "'s"}));
  EXPECT_EQ(pieces_of("WE'LL'Ve"), (Pieces{"WE", "'LL", "'Ve"}));
  EXPECT_EQ(pieces_of("o'clock"), (Pieces{"o", "'clock"}));
  EXPECT_EQ(pieces_of("'south"), (Pieces{"'s", "outh"}));
  EXPECT_EQ(pieces_of("'lx"), (Pieces{"'lx"}));
  EXPECT_EQ(pieces_of("'\u017fo"), (Pieces{"'\u017f", "o"}));
}

TEST(Tokenizer, TheLastBlankBelongsToTheWordBehindIt) {
  using Pieces = std::vector<std::string>;
  EXPECT_EQ(pieces_of("a   b"), (Pieces{"a", "  ", " b"}));
  EXPECT_EQ(pieces_of("a   "), (Pieces{"a", "   "}));
  EXPECT_EQ(pieces_of("a  1"), (Pieces{"a", " ", " ", "1"}));
  EXPECT_EQ(pieces_of(" \n \n  b"), (Pieces{" \n \n", " ", " b"}));
  EXPECT_EQ(pieces_of("\tb\u3000c"), (Pieces{"\tb", "\u3000c"}));
  EXPECT_EQ(pieces_of("a\u0085\u0085"), (Pieces{"a", "\u0085\u0085"}));
}

TEST(Tokenizer, BytesThatAreNoTextAreCountedAllTheSame) {
  const std::string text = "a\xff\xfe\xc3";
  EXPECT_EQ(pieces_of(text), (std::vector<std::string>{"a", "\xff\xfe\xc3"}));
  EXPECT_EQ(cl100k_base().count_tokens(text).value(), 4U);
}

TEST(Tokenizer, JoinsTheSamePairsAsTheDefinition) {
  for (const char* piece : {"aaaaaaaaaaaaa", "abababababab", "internationalisierung", "zzzzzyzzzzzyzz",
                            "\u00e9\u00e8\u00ea", "\U0001f600\U0001f601\U0001f602", "=-=-=-=-==--==-"}) {
    PieceMerger merger(cl100k_base().ranks());
    EXPECT_EQ(merger.merge(piece), merged_step_by_step(piece)) << piece;
  }
}

RC_GTEST_PROP(TokenizerProperties, JoinsTheSamePairsAsTheDefinitionInAnyPiece, ()) {
  // Few letters make many ties and long chains of joins.
  const auto piece =
      *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::element('a', 'e', 's', 't', ' ', '-')));
  PieceMerger merger(cl100k_base().ranks());
  RC_ASSERT(merger.merge(piece) == merged_step_by_step(piece));
}

TEST(Tokenizer, ALongRunOfOneCharacterIsCountedToo) {
  const std::size_t most = Tokenizer::kTextBytesMax;
  EXPECT_EQ(cl100k_base().count_tokens(std::string(most, 'a')).value(), most / 8);
  EXPECT_EQ(cl100k_base().count_tokens(std::string(most, ' ')).value(), most / 128);
  EXPECT_EQ(cl100k_base().count_tokens(std::string(most, '7')).value(), (most + 2) / 3);
}

TEST(Tokenizer, ATextAboveItsLimitIsRefused) {
  const std::string text(Tokenizer::kTextBytesMax + 1, ' ');
  EXPECT_EQ(cl100k_base().count_tokens(text).error().code(), Code::limit_exceeded);
  EXPECT_EQ(cl100k_base().cut_to_tokens(text, 1).error().code(), Code::limit_exceeded);
  EXPECT_EQ(cl100k_base().encode(text).error().code(), Code::limit_exceeded);
}

TEST(Tokenizer, ATextIsCutBehindATokenOfItsOwn) {
  const Tokenizer& tokenizer = cl100k_base();
  EXPECT_EQ(tokenizer.cut_to_tokens("hello world again", 2).value(), "hello world");
  EXPECT_EQ(tokenizer.cut_to_tokens("hello world", 2).value(), "hello world");
  EXPECT_EQ(tokenizer.cut_to_tokens("hello world", 0).value(), "");
  EXPECT_EQ(tokenizer.cut_to_tokens("", 5).value(), "");
}

TEST(Tokenizer, ACutDoesNotGoThroughACharacter) {
  const std::string flags = "\U0001f1f2\U0001f1fe\U0001f1f8\U0001f1ec";  // each of them several tokens
  const std::size_t all = cl100k_base().count_tokens(flags).value();
  ASSERT_GT(all, 4U);
  for (std::size_t most = 0; most <= all; ++most) {
    const std::string_view cut = cl100k_base().cut_to_tokens(flags, most).value();
    EXPECT_TRUE(is_utf8(cut)) << most;
    EXPECT_EQ(cut.size() % 4, 0U) << most;
  }
}

RC_GTEST_PROP(TokenizerProperties, ACutTextCountsNoMoreThanAllowed, ()) {
  const auto code_points = *rc::gen::container<std::vector<char32_t>>(rc::gen::element<char32_t>(
      U' ', U' ', U'\n', U'\'', U's', U'r', U'e', U'l', U'L', U'1', U'.', U'=', U'\u00e9', U'\u65e5', U'\U0001f600'));
  std::string text;
  for (const char32_t c : code_points) {
    // UTF-8 of the few characters above
    if (c < 0x80) text += static_cast<char>(c);
    if (c == U'\u00e9') text += "\u00e9";
    if (c == U'\u65e5') text += "\u65e5";
    if (c == U'\U0001f600') text += "\U0001f600";
  }
  const std::size_t most = *rc::gen::inRange<std::size_t>(0, 20);
  const std::string_view cut = cl100k_base().cut_to_tokens(text, most).value();
  RC_ASSERT(text.starts_with(cut));
  RC_ASSERT(is_utf8(cut));
  RC_ASSERT(cl100k_base().count_tokens(cut).value() <= most);
}

TEST(Tokenizer, TokensPutTogetherAreTheText) {
  const std::string text = repeated("2 x Caf\u00e9 cr\u00e8me @ RM 3.50\r\n\t'Twas TAX-FREE!! \U0001f600 ", 20);
  std::string joined;
  for (const std::string& token : tokens_of(text)) joined += token;
  EXPECT_EQ(joined, text);
  EXPECT_EQ(cl100k_base().count_tokens(text).value(), tokens_of(text).size());
}

TEST(Tokenizer, SeveralThreadsCountAtOnce) {
  const std::string text = repeated("LOT NO. 13 INVOICE 0451 ", 100);
  const std::size_t expected = cl100k_base().count_tokens(text).value();
  std::vector<std::size_t> counts(4);
  {
    std::vector<std::jthread> threads;
    threads.reserve(counts.size());
    for (std::size_t& count : counts) {
      threads.emplace_back([&count, &text] { count = cl100k_base().count_tokens(text).value(); });
    }
  }
  EXPECT_EQ(counts, std::vector<std::size_t>(4, expected));
}

}  // namespace
}  // namespace tillite
