#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// An amount of US dollars, in whole millionths: sums are exact.
struct Dollars {
  std::int64_t millionths = 0;
  auto operator<=>(const Dollars&) const = default;
};

/// "0.50", "12", "0.000004": a number of dollars that is not negative, below a billion, with at most six digits behind
/// the point. `invalid_input` otherwise.
[[nodiscard]] Result<Dollars> parse_dollars(std::string_view text);

/// "0.50", "0.000004": two digits behind the point, or as many as it takes.
[[nodiscard]] std::string dollars_text(Dollars amount);

/// What a number of tokens costs at a price for a million of them, rounded up to a millionth of a dollar. Up to 9e12
/// tokens at 1,000 dollars are exact; above that it is the largest amount there is.
[[nodiscard]] Dollars cost_of(std::uint64_t tokens, Dollars price_per_million);

}  // namespace tillite
