#include "base/line_blocks.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace tillite {
namespace {

/// Hands out a few bytes at a time, as a network does; fails when it has come to `fails_at`.
class TricklingSource final : public ByteSource {
 public:
  TricklingSource(std::string text, std::size_t bytes_max, std::size_t fails_at = std::string::npos)
      : text_(std::move(text)), bytes_max_(bytes_max), fails_at_(fails_at) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (position_ >= fails_at_) return fail(Code::unavailable, "the connection broke");
    const std::size_t size = std::min({buffer.size(), bytes_max_, text_.size() - position_});
    std::ranges::copy(as_bytes(std::string_view(text_).substr(position_, size)), buffer.begin());
    position_ += size;
    return size;
  }

 private:
  std::string text_;
  std::size_t bytes_max_;
  std::size_t fails_at_;
  std::size_t position_ = 0;
};

std::vector<std::string> blocks_of(ByteSource& source, std::size_t line_bytes_max) {
  LineBlocks lines(source, line_bytes_max);
  std::vector<std::string> blocks;
  std::string block;
  while (true) {
    const auto more = lines.next(block);
    EXPECT_TRUE(more);
    if (!more || !*more) return blocks;
    blocks.push_back(block);
  }
}

TEST(LineBlocks, HoldWholeLinesAndTogetherTheWholeText) {
  std::mt19937 random(1);
  std::string text;
  while (text.size() < 3'000'000) text += std::string(random() % 40'000, 'x') + "\n";
  for (const std::string& end : {std::string(), std::string("the last line has no end")}) {
    TricklingSource source(text + end, 70'001);
    std::string together;
    const auto blocks = blocks_of(source, 100'000);
    EXPECT_GE(blocks.size(), 3U);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_TRUE(blocks[i].ends_with('\n') || i + 1 == blocks.size());
      together += blocks[i];
    }
    EXPECT_EQ(together, text + end);
  }
}

TEST(LineBlocks, OfNothingAreNone) {
  const auto source = source_of("");
  EXPECT_TRUE(blocks_of(*source, 10).empty());
}

TEST(LineBlocks, KeepOnlyTheBeginningOfALineThatIsTooLong) {
  constexpr std::size_t kMax = 1'000'000;
  const std::string giant(5 * kMax, 'x');
  const std::string cut(kMax + 1, 'x');
  TricklingSource in_the_middle("a\n" + giant + "\nb\n", 100'000);
  std::string together;
  for (const std::string& block : blocks_of(in_the_middle, kMax)) together += block;
  EXPECT_EQ(together, "a\n" + cut + "\nb\n");
  TricklingSource at_the_end("a\n" + giant, 100'000);
  EXPECT_EQ(blocks_of(at_the_end, kMax), (std::vector<std::string>{"a\n", cut}));
}

TEST(LineBlocks, PassOnTheErrorOfTheirSource) {
  TricklingSource source(std::string(2'000'000, '\n'), 1'000, 900'000);
  LineBlocks lines(source, 1'000);
  std::string block;
  ASSERT_TRUE(lines.next(block));
  const auto broken = lines.next(block);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), Code::unavailable);
}

}  // namespace
}  // namespace tillite
