#pragma once

#include "base/hash.h"

namespace tillite {

/// For tables of sums that are hashes already.
struct SumHash {
  std::size_t operator()(const Sum128& sum) const noexcept { return sum.low; }
};

}  // namespace tillite
