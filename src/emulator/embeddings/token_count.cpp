#include "emulator/embeddings/token_count.h"

namespace tillite {
namespace {

constexpr std::size_t kLettersPerToken = 5;
constexpr std::size_t kDigitsPerToken = 3;  // cl100k_base takes digits in threes at most

enum class Kind { letter, digit, blank, other };

Kind kind_of(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte >= 0x80) return Kind::letter;
  if (byte >= '0' && byte <= '9') return Kind::digit;
  return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' ? Kind::blank : Kind::other;
}

}  // namespace

/// An estimate: runs of letters and of digits in pieces, every other character for itself, blanks with what follows.
std::size_t count_tokens(std::string_view text) {
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Kind kind = kind_of(text[i]);
    std::size_t end = i + 1;
    while (end < text.size() && kind_of(text[end]) == kind) ++end;
    const std::size_t length = end - i;
    if (kind == Kind::letter) tokens += (length + kLettersPerToken - 1) / kLettersPerToken;
    if (kind == Kind::digit) tokens += (length + kDigitsPerToken - 1) / kDigitsPerToken;
    if (kind == Kind::other) tokens += length;
    if (kind == Kind::blank && (length > 1 || end == text.size())) ++tokens;
    i = end;
  }
  return tokens;
}

}  // namespace tillite
