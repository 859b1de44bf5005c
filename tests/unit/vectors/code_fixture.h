#pragma once

#include <algorithm>
#include <random>

#include "vectors/hnsw/codes.h"

namespace tillite::testing {

/// Codes of vectors of unit length around some centres.
inline Codes clustered_codes(std::size_t count, std::size_t dimensions, std::size_t clusters, std::size_t bits = 8) {
  std::mt19937_64 random(3);
  std::normal_distribution<float> normal(0, 1 / std::sqrt(static_cast<float>(dimensions)));
  std::vector<std::vector<float>> centres(clusters, std::vector<float>(dimensions));
  for (auto& centre : centres) std::ranges::generate(centre, [&] { return normal(random); });
  Codes codes(std::vector<float>(dimensions, 0.001F), bits, 7);
  codes.resize(count);
  for (Node node = 0; node < count; ++node) {
    auto vector = centres[random() % clusters];
    for (float& number : vector) number += normal(random) / 2;
    codes.encode(node, vector);
  }
  return codes;
}

}  // namespace tillite::testing
