#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "embedding/tokens/token_ranks.h"

namespace tillite {

/// Texts to tokens as OpenAI's embedding models count and charge them: byte-pair encoding over the pieces of a text
/// (text_pieces.h). Special tokens in a text ("<|endoftext|>") are plain text.
///
/// Immutable; threads: any. Time: n log n in the size of the longest piece, linear in the rest, whatever the text.
/// Memory: 20 bytes for each byte of the longest piece that is not a token as a whole. Errors: `limit_exceeded` for a
/// text of more than kTextBytesMax.
class Tokenizer {
 public:
  static constexpr std::size_t kTextBytesMax = std::size_t{1} << 20;

  explicit Tokenizer(TokenRanks ranks) : ranks_(std::move(ranks)) {}

  [[nodiscard]] Result<std::size_t> count_tokens(std::string_view text) const;
  /// The front of the text that counts `tokens_max` tokens at most: as many of the text's own tokens as end together
  /// with a character. The whole text if it counts no more.
  [[nodiscard]] Result<std::string_view> cut_to_tokens(std::string_view text, std::size_t tokens_max) const;
  /// The tokens' numbers, in order.
  [[nodiscard]] Result<std::vector<std::uint32_t>> encode(std::string_view text) const;

  [[nodiscard]] const TokenRanks& ranks() const { return ranks_; }

 private:
  TokenRanks ranks_;
};

/// The encoding of OpenAI's embedding models. Built by the first call, in some ten milliseconds.
[[nodiscard]] const Tokenizer& cl100k_base();

}  // namespace tillite
