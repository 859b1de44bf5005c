#include "embedding/tokens/tokenizer.h"

#include "embedding/tokens/piece_merger.h"
#include "embedding/tokens/text_pieces.h"

namespace tillite {
namespace {

Result<void> check_size(std::string_view text) {
  if (text.size() <= Tokenizer::kTextBytesMax) return {};
  return fail(Code::limit_exceeded, "a text of {} bytes; the tokens of at most {} are counted", text.size(),
              Tokenizer::kTextBytesMax);
}

/// Calls `each` with the size of every token, in order.
template <typename Each>
void for_each_token(const TokenRanks& ranks, std::string_view text, const Each& each) {
  PieceMerger merger(ranks);
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, first_piece_bytes(text));
    text.remove_prefix(piece.size());
    if (ranks.rank_of(piece) != TokenRanks::kNone) {
      each(piece.size());
    } else {
      for (const std::uint32_t size : merger.merge(piece)) each(std::size_t{size});
    }
  }
}

bool is_inside_character(std::string_view text, std::size_t position) {
  return position < text.size() && (static_cast<unsigned char>(text[position]) & 0xc0) == 0x80;
}

/// Where the last of the first `tokens_max` tokens that ends together with a character ends.
std::size_t last_border(const TokenRanks& ranks, std::string_view text, std::size_t tokens_max) {
  std::size_t border = 0;
  std::size_t end = 0;
  std::size_t tokens = 0;
  for_each_token(ranks, text, [&](std::size_t size) {
    end += size;
    if (++tokens <= tokens_max && !is_inside_character(text, end)) border = end;
  });
  return border;
}

}  // namespace

Result<std::size_t> Tokenizer::count_tokens(std::string_view text) const {
  TRY(check_size(text));
  std::size_t tokens = 0;
  for_each_token(ranks_, text, [&](std::size_t) { ++tokens; });
  return tokens;
}

Result<std::string_view> Tokenizer::cut_to_tokens(std::string_view text, std::size_t tokens_max) const {
  TRY(check_size(text));
  // Without what was behind it the last piece may be another one, and its tokens one more: then the front is cut again.
  while (true) {
    const std::string_view front = text.substr(0, last_border(ranks_, text, tokens_max));
    if (front.size() == text.size()) return front;
    text = front;
  }
}

Result<std::vector<std::uint32_t>> Tokenizer::encode(std::string_view text) const {
  TRY(check_size(text));
  std::vector<std::uint32_t> tokens;
  std::size_t begin = 0;
  for_each_token(ranks_, text, [&](std::size_t size) {
    tokens.push_back(ranks_.rank_of(text.substr(begin, size)));
    begin += size;
  });
  return tokens;
}

const Tokenizer& cl100k_base() {
  static const Tokenizer tokenizer(cl100k_base_ranks());
  return tokenizer;
}

}  // namespace tillite
