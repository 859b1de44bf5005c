#pragma once

#include <cstdint>

namespace tillite {

/// Well mixed bits of a seed and a number, the same on every machine (splitmix64, Steele, Lea and Flood, 2014).
[[nodiscard]] constexpr std::uint64_t mixed_bits(std::uint64_t seed, std::uint64_t number) {
  std::uint64_t z = seed + (number + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace tillite
