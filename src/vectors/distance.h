#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tillite {

// What vectors are compared by. Compiled for AVX-512 (VPOPCNTDQ), AVX2, NEON and plain machines; the machine at hand
// decides at run time. All of them give the same integers; floats are summed in one fixed order on each machine.

[[nodiscard]] float dot(const float* a, const float* b, std::size_t size);

/// Words of a plane come in eights (64 bytes).
inline constexpr std::size_t kPlaneWordsStep = 8;

/// The dot product of whole numbers that are kept as planes of bits: all highest bits first, then all second ones, and
/// so on. `planes`: 1, 2 or 4 of `words` words each, a multiple of kPlaneWordsStep.
[[nodiscard]] std::uint64_t dot_planes(const std::uint64_t* a, const std::uint64_t* b, std::size_t planes,
                                       std::size_t words);

/// The sum of those of a's numbers whose bit is set in the one plane `b`.
[[nodiscard]] std::uint64_t sum_where(const std::uint64_t* a, const std::uint64_t* b, std::size_t planes,
                                      std::size_t words);

/// One way to compute them.
struct DistanceKernels {
  using OfPlanes = std::uint64_t (*)(const std::uint64_t* a, const std::uint64_t* b, std::size_t words);
  const char* name;
  float (*dot)(const float* a, const float* b, std::size_t size);
  std::array<OfPlanes, 3> dot_planes;  ///< of 1, 2 and 4 planes
  std::array<OfPlanes, 3> sum_where;   ///< the same
};
/// The ways that this machine knows, the best first; the last is plain C++.
[[nodiscard]] std::vector<DistanceKernels> distance_kernels();

}  // namespace tillite
