#include "embedding/bill.h"

namespace tillite {

void Bill::add(std::uint64_t tokens, const std::optional<Dollars>& price_per_million) {
  if (tokens == 0) return;
  if (price_per_million) {
    tokens_[*price_per_million] += tokens;
  } else {
    is_known_ = false;
  }
}

std::optional<Dollars> Bill::sum() const {
  if (!is_known_) return std::nullopt;
  Dollars sum;
  for (const auto& [price, tokens] : tokens_) sum.millionths += cost_of(tokens, price).millionths;
  return sum;
}

}  // namespace tillite
