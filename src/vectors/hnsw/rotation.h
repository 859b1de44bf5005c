#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tillite {

/// A random rotation: it leaves distances as they are and spreads what a vector holds evenly over its numbers, so that
/// few bits for each say much. Rounds of random signs and fast Hadamard transforms over the first and the last 2^k
/// numbers (Ailon and Chazelle, "The fast Johnson-Lindenstrauss transform", 2009). Time: size * log(size).
/// Threads: any.
class Rotation {
 public:
  Rotation(std::size_t size, std::uint64_t seed);
  void apply(std::span<float> vector) const;

 private:
  std::size_t window_;        ///< the largest power of two that is not above the size
  std::vector<float> signs_;  ///< of all transforms, one after the other; scaled so that lengths stay
};

}  // namespace tillite
