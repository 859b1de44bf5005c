#include "base/text.h"

#include <utf8proc.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/check.h"

namespace tillite {
namespace {

struct Decoded {
  utf8proc_int32_t code_point;  ///< below 0 if the bytes are not UTF-8
  std::size_t bytes;
};

Decoded decode(std::string_view text) {
  utf8proc_int32_t code_point = -1;
  const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &code_point);
  return {size > 0 ? code_point : -1, size > 0 ? static_cast<std::size_t>(size) : 1};
}

/// How many bytes at the front are ASCII; most texts are nothing else.
std::size_t ascii_bytes(std::string_view text) {
  std::size_t count = 0;
  for (std::uint64_t eight = 0; count + sizeof eight <= text.size(); count += sizeof eight) {
    std::memcpy(&eight, text.data() + count, sizeof eight);
    if ((eight & 0x8080808080808080) != 0) break;
  }
  while (count < text.size() && static_cast<unsigned char>(text[count]) < 0x80) ++count;
  return count;
}

/// Unicode's White_Space property.
bool is_blank(utf8proc_int32_t c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

void append(std::string& text, utf8proc_int32_t code_point) {
  utf8proc_uint8_t buffer[4];
  const auto size = utf8proc_encode_char(code_point, buffer);
  text.append(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(size));
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (true) {
    text.remove_prefix(ascii_bytes(text));
    if (text.empty()) return true;
    const auto [code_point, bytes] = decode(text);
    if (code_point < 0) return false;
    text.remove_prefix(bytes);
  }
}

std::string_view trim(std::string_view text) {
  const auto parts = split_at_blanks(text);
  if (parts.empty()) return {};
  const auto begin = static_cast<std::size_t>(parts.front().data() - text.data());
  const auto end = static_cast<std::size_t>(parts.back().data() - text.data()) + parts.back().size();
  return text.substr(begin, end - begin);
}

std::vector<std::string_view> split_at_blanks(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  for (std::size_t position = 0; position < text.size();) {
    const auto [code_point, bytes] = decode(text.substr(position));
    if (is_blank(code_point)) {
      if (position > start) parts.push_back(text.substr(start, position - start));
      start = position + bytes;
    }
    position += bytes;
  }
  if (start < text.size()) parts.push_back(text.substr(start));
  return parts;
}

std::u32string code_points(std::string_view text) {
  std::u32string result;
  while (!text.empty()) {
    const auto [code_point, bytes] = decode(text);
    check(code_point >= 0, "text was checked to be UTF-8 when it came in");
    result.push_back(static_cast<char32_t>(code_point));
    text.remove_prefix(bytes);
  }
  return result;
}

std::string fold(std::string_view text) {
  utf8proc_uint8_t* mapped = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &mapped, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  check(size >= 0, "text was checked to be UTF-8 when it came in");
  std::string lower;
  for (const char32_t c : code_points({reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size)})) {
    append(lower, utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
  }
  return lower;
}

std::string title_case(std::string_view text) {
  std::string result;
  bool inside_word = false;
  for (const char32_t c : code_points(text)) {
    const auto code_point = static_cast<utf8proc_int32_t>(c);
    const auto category = utf8proc_category(code_point);
    const bool is_letter = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
    append(result, is_letter && !inside_word ? utf8proc_totitle(code_point) : utf8proc_tolower(code_point));
    // "O'Neil", and an accent that is a character of its own, go on with the word.
    const bool is_mark = category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
    inside_word = is_letter || (inside_word && (is_mark || c == U'\'' || c == U'\u2019'));
  }
  return result;
}

}  // namespace tillite
