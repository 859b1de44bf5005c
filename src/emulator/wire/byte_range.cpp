#include "emulator/wire/byte_range.h"

#include <algorithm>

#include "base/number_text.h"

namespace tillite {

std::expected<std::optional<ByteRange>, RangeFault> parse_range(std::string_view text, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view first_text = text.substr(0, dash);
  const std::string_view last_text = text.substr(dash + 1);
  const auto last = parse_natural_number(last_text);
  if (first_text.empty()) {
    if (!last) return std::nullopt;
    if (*last == 0 || size == 0) return std::unexpected(RangeFault::cannot_be_satisfied);
    const std::uint64_t bytes = std::min(*last, size);
    return ByteRange{.offset = size - bytes, .bytes = bytes};
  }
  const auto first = parse_natural_number(first_text);
  if (!first || (!last && !last_text.empty()) || (last && *last < *first)) return std::nullopt;
  if (*first >= size) return std::unexpected(RangeFault::cannot_be_satisfied);
  const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return ByteRange{.offset = *first, .bytes = end - *first + 1};
}

}  // namespace tillite
