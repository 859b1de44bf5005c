#include "base/number_text.h"

#include <charconv>

namespace tillite {
namespace {

template <typename Number>
std::optional<Number> parse(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<std::int64_t> parse_whole_number(std::string_view text) { return parse<std::int64_t>(text); }

std::optional<std::uint64_t> parse_natural_number(std::string_view text) { return parse<std::uint64_t>(text); }

}  // namespace tillite
