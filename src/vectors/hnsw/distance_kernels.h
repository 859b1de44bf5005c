#pragma once

#include "vectors/hnsw/distance.h"

namespace tillite {

// The ways to compare vectors, each in a file of its own. Only what a machine knows may be called on it.

[[nodiscard]] DistanceKernels plain_kernels();
#if defined(__x86_64__)
[[nodiscard]] DistanceKernels avx512_kernels();
[[nodiscard]] DistanceKernels avx2_kernels();
#elif defined(__aarch64__)
[[nodiscard]] DistanceKernels neon_kernels();
#endif

inline constexpr std::size_t kPlanes = 4;  ///< of the numbers that sums_where adds

/// What is left of a product behind whole registers.
[[nodiscard]] inline float dot_rest(const float* a, const float* b, std::size_t from, std::size_t size) {
  float sum = 0;
  for (std::size_t i = from; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace tillite
