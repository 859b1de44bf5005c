#include "embedding/tokens/text_pieces.h"

#include <utf8proc.h>

#include <array>
#include <cstdint>

#include "base/check.h"

namespace tillite {
namespace {

/// What the pattern tells characters apart by. A line end is a blank, too.
enum class Kind : std::uint8_t { letter, number, line_end, blank, other };

struct Character {
  Kind kind;
  std::size_t bytes;
};

constexpr Kind kind_of_ascii(unsigned char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return Kind::letter;
  if (c >= '0' && c <= '9') return Kind::number;
  if (c == '\n' || c == '\r') return Kind::line_end;
  return c == ' ' || c == '\t' || c == '\v' || c == '\f' ? Kind::blank : Kind::other;
}

constexpr std::array<Kind, 128> kAsciiKinds = [] {
  std::array<Kind, 128> kinds{};
  for (unsigned c = 0; c < kinds.size(); ++c) kinds[c] = kind_of_ascii(static_cast<unsigned char>(c));
  return kinds;
}();

Kind kind_of(utf8proc_int32_t code_point) {
  if (code_point == 0x85) return Kind::blank;  // a control character that is White_Space; the other five are ASCII
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return Kind::letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return Kind::number;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return Kind::blank;
    default:
      return Kind::other;
  }
}

Character character_at(std::string_view text, std::size_t position) {
  const auto first = static_cast<unsigned char>(text[position]);
  if (first < kAsciiKinds.size()) return {kAsciiKinds[first], 1};
  utf8proc_int32_t code_point = -1;
  const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + position),
                                      static_cast<utf8proc_ssize_t>(text.size() - position), &code_point);
  if (bytes <= 0) return {Kind::other, 1};
  return {kind_of(code_point), static_cast<std::size_t>(bytes)};
}

/// Where a run of characters of one kind that begins at `position` ends, after `characters_max` at the latest.
std::size_t end_of_run(std::string_view text, std::size_t position, Kind kind,
                       std::size_t characters_max = static_cast<std::size_t>(-1)) {
  for (std::size_t characters = 0; position < text.size() && characters < characters_max; ++characters) {
    const Character character = character_at(text, position);
    if (character.kind != kind) break;
    position += character.bytes;
  }
  return position;
}

/// The size of a contraction at the front, in any case; 0 if there is none.
std::size_t contraction_bytes(std::string_view text) {
  if (!text.starts_with('\'') || text.size() < 2) return 0;
  const auto lower = [&](std::size_t i) {
    const char c = i < text.size() ? text[i] : '\0';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  constexpr std::string_view long_s = "\u017f";  // Unicode's other lower case of S
  const char first = lower(1);
  const char second = lower(2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if (text.substr(1).starts_with(long_s)) return 1 + long_s.size();
  const bool has_two = (first == 'l' && second == 'l') || ((first == 'r' || first == 'v') && second == 'e');
  return has_two ? 3 : 0;
}

/// Of a text that begins with a blank which belongs to no word: through the last line end among the blanks; else all of
/// them but the last, which belongs to what follows.
std::size_t blanks_bytes(std::string_view text) {
  std::size_t after_line_end = 0;
  std::size_t last = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const Character character = character_at(text, end);
    if (character.kind != Kind::blank && character.kind != Kind::line_end) break;
    last = end;
    end += character.bytes;
    if (character.kind == Kind::line_end) after_line_end = end;
  }
  if (after_line_end > 0) return after_line_end;
  return end == text.size() || last == 0 ? end : last;
}

}  // namespace

std::size_t first_piece_bytes(std::string_view text) {
  check(!text.empty(), "a text has a first piece if it is not empty");
  if (const std::size_t bytes = contraction_bytes(text); bytes > 0) return bytes;
  const auto [first, first_bytes] = character_at(text, 0);
  if (first == Kind::letter) return end_of_run(text, first_bytes, Kind::letter);
  if (first == Kind::number) return end_of_run(text, 0, Kind::number, 3);

  const bool is_last = first_bytes == text.size();
  const Kind second = is_last ? Kind::blank : character_at(text, first_bytes).kind;
  if (first != Kind::line_end && second == Kind::letter) return end_of_run(text, first_bytes, Kind::letter);
  if (first == Kind::other || (text.front() == ' ' && second == Kind::other)) {
    return end_of_run(text, end_of_run(text, first_bytes, Kind::other), Kind::line_end);
  }
  return blanks_bytes(text);
}

}  // namespace tillite
