#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tillite {

/// A whole number in decimal digits, '-' before it or not, and nothing else; nothing for any other text and for a
/// number beyond 64 bits.
[[nodiscard]] std::optional<std::int64_t> parse_whole_number(std::string_view text);
/// The same without a sign, up to 2^64 - 1.
[[nodiscard]] std::optional<std::uint64_t> parse_natural_number(std::string_view text);

}  // namespace tillite
