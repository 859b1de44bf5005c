#include "adapters/remote/content_range.h"

#include "base/number_text.h"

namespace tillite {

std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  if (!text.starts_with(unit)) return std::nullopt;
  text.remove_prefix(unit.size());
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos) return std::nullopt;
  const auto first = parse_natural_number(text.substr(0, dash));
  if (!first) return std::nullopt;
  return ContentRange{.first = *first, .length = parse_natural_number(text.substr(slash + 1))};
}

}  // namespace tillite
