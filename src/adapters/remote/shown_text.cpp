#include "adapters/remote/shown_text.h"

#include <algorithm>

#include "base/text.h"

namespace tillite {

std::string_view cut_text(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

std::string shown_text(std::string text, std::size_t bytes_max) {
  if (!is_utf8(text)) {
    std::ranges::replace_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0x80) != 0; }, '?');
  }
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return std::string(cut_text(text, bytes_max));
}

}  // namespace tillite
