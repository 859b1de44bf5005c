#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "embedding/dollars.h"

namespace tillite {

/// Tokens at their prices. Those of one price are added up before what they cost is rounded.
class Bill {
 public:
  /// Without a price, which is not known then.
  void add(std::uint64_t tokens, const std::optional<Dollars>& price_per_million);
  /// Nothing if there are tokens whose price is not known.
  [[nodiscard]] std::optional<Dollars> sum() const;

 private:
  std::map<Dollars, std::uint64_t> tokens_;  ///< by the price of a million
  bool is_known_ = true;
};

}  // namespace tillite
