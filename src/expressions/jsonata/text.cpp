#include "expressions/jsonata/text.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/text.h"

namespace tillite::jsonata {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

std::uint8_t byte_at(std::string_view text, std::size_t position) { return static_cast<std::uint8_t>(text[position]); }

bool continues(std::string_view text, std::size_t position) {
  return position < text.size() && (byte_at(text, position) & 0xc0U) == 0x80;
}

/// Where a byte stands in the order of UTF-16: surrogates (of four bytes) come before U+E000 to U+FFFF.
int rank(std::uint8_t byte) {
  if (byte >= 0xf0) return 0xee * 2 - 1;
  return byte * 2;
}

}  // namespace

std::size_t code_point_size(std::string_view text, std::size_t position) {
  const std::uint8_t first = byte_at(text, position);
  const std::size_t size = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 1;
  for (std::size_t i = 1; i < size; ++i)
    if (!continues(text, position + i)) return 1;
  return size;
}

char32_t code_point_at(std::string_view text, std::size_t position) {
  const std::size_t size = code_point_size(text, position);
  if (size == 1) return byte_at(text, position);
  char32_t code_point = byte_at(text, position) & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) code_point = code_point << 6 | (byte_at(text, position + i) & 0x3fU);
  return code_point;
}

std::size_t code_point_count(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); i += code_point_size(text, i)) ++count;
  return count;
}

std::vector<std::size_t> code_point_starts(std::string_view text) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); i += code_point_size(text, i)) starts.push_back(i);
  starts.push_back(text.size());
  return starts;
}

std::size_t unit_count(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = code_point_size(text, i);
    count += size == 4 ? 2 : 1;
    i += size;
  }
  return count;
}

void append_code_point(std::string& text, char32_t code_point) {
  const auto put = [&](char32_t bits) { text += static_cast<char>(bits); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3f));
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

void append_unit(std::string& text, std::uint32_t unit) {
  if (unit >= 0xdc00 && unit < 0xe000 && text.size() >= 3) {
    const std::size_t before = text.size() - 3;
    const char32_t high = code_point_size(text, before) == 3 ? code_point_at(text, before) : 0;
    if (high >= 0xd800 && high < 0xdc00) {
      text.resize(before);
      append_code_point(text, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
      return;
    }
  }
  append_code_point(text, unit);
}

int compare_texts(std::string_view left, std::string_view right) {
  const auto [one, other] = std::ranges::mismatch(left, right);
  if (one == left.end() || other == right.end())
    return static_cast<int>(one != left.end()) - static_cast<int>(other != right.end());
  const auto byte_one = static_cast<std::uint8_t>(*one);
  const auto byte_other = static_cast<std::uint8_t>(*other);
  if (rank(byte_one) != rank(byte_other)) return rank(byte_one) - rank(byte_other);
  return byte_one - byte_other;
}

std::string upper_case(std::string_view text) {
  std::string upper;
  for (std::size_t i = 0; i < text.size(); i += code_point_size(text, i)) {
    const char32_t code_point = code_point_at(text, i);
    if (code_point_size(text, i) == 1 && code_point >= 0x80) {
      upper += text[i];
    } else if (code_point == 0xdf) {
      upper += "SS";
    } else {
      append_code_point(upper, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code_point))));
    }
  }
  return upper;
}

std::string lower_case(std::string_view text) {
  std::string lower;
  for (std::size_t i = 0; i < text.size(); i += code_point_size(text, i)) {
    const char32_t code_point = code_point_at(text, i);
    if (code_point_size(text, i) == 1 && code_point >= 0x80) {
      lower += text[i];
    } else {
      append_code_point(lower, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))));
    }
  }
  return lower;
}

std::string with_valid_utf8(std::string text) {
  if (is_utf8(text)) return text;
  std::string valid;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = code_point_size(text, i);
    const std::string_view code_point = std::string_view(text).substr(i, size);
    valid += is_utf8(code_point) ? code_point : kReplacement;
    i += size;
  }
  return valid;
}

std::string with_valid_utf8_in_place(std::string text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = code_point_size(text, i);
    if (!is_utf8(std::string_view(text).substr(i, size)))
      text.replace(i, size, size == kReplacement.size() ? std::string(kReplacement) : std::string(size, '?'));
    i += size;
  }
  return text;
}

}  // namespace tillite::jsonata
