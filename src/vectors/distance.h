#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tillite {

// What vectors are compared by. Compiled for AVX-512 (VPOPCNTDQ, VNNI), AVX2, NEON and plain machines; the machine at
// hand decides at run time. All of them give the same integers; floats are summed in one fixed order on each machine.

[[nodiscard]] float dot(const float* a, const float* b, std::size_t size);

/// Words of a plane come in eights (64 bytes), and so do bytes.
inline constexpr std::size_t kPlaneWordsStep = 8;
inline constexpr std::size_t kBytesStep = 64;

/// Whole numbers kept as planes of bits: each plane has one bit of every number.
struct Planes {
  const std::uint64_t* highest = nullptr;
  const std::uint64_t* others = nullptr;  ///< the further ones, one after the other, the higher first
};

/// The dot product of whole numbers of 2 or 4 bits. `words`: of a plane, a multiple of kPlaneWordsStep.
[[nodiscard]] std::uint64_t dot_planes(Planes a, Planes b, std::size_t planes, std::size_t words);

/// The dot product of whole numbers from 0 to 255. `size`: a multiple of kBytesStep, at most 65,536.
[[nodiscard]] std::uint32_t dot_bytes(const std::uint8_t* a, const std::uint8_t* b, std::size_t size);

/// The sum of those of a's numbers of 2 bits whose bit is set in `b`, a single plane.
[[nodiscard]] std::uint32_t sum_where(Planes a, const std::uint64_t* b, std::size_t words);

/// How many bits differ.
[[nodiscard]] std::uint32_t differing_bits(const std::uint64_t* a, const std::uint64_t* b, std::size_t words);

/// One way to compute them.
struct DistanceKernels {
  using OfPlanes = std::uint64_t (*)(Planes a, Planes b, std::size_t words);
  const char* name;
  float (*dot)(const float* a, const float* b, std::size_t size);
  std::array<OfPlanes, 2> dot_planes;  ///< of 2 and 4 planes
  std::uint32_t (*dot_bytes)(const std::uint8_t* a, const std::uint8_t* b, std::size_t size);
  std::uint32_t (*sum_where)(Planes a, const std::uint64_t* b, std::size_t words);
  std::uint32_t (*differing_bits)(const std::uint64_t* a, const std::uint64_t* b, std::size_t words);
};
/// The ways that this machine knows, the best first; the last is plain C++.
[[nodiscard]] std::vector<DistanceKernels> distance_kernels();

}  // namespace tillite
