#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tillite {

// What vectors are compared by. Compiled for AVX-512 (VPOPCNTDQ, VNNI), AVX2, NEON and plain machines; the machine at
// hand decides at run time. All of them give the same integers; floats are summed in one fixed order on each machine.

[[nodiscard]] float dot(const float* a, const float* b, std::size_t size);

/// Words of a plane come in eights (64 bytes), bytes in 64, nibbles in lines of 64 bytes, 128 numbers.
inline constexpr std::size_t kPlaneWordsStep = 8;
inline constexpr std::size_t kNibbleLineBytes = 64;
inline constexpr std::size_t kBytesStep = 64;

/// Whole numbers of 2 bits as planes: one has the higher bit of every number, one the lower. `words`: of a plane, a
/// multiple of kPlaneWordsStep.
struct Pairs {
  const std::uint64_t* high = nullptr;
  const std::uint64_t* low = nullptr;
};
[[nodiscard]] std::uint64_t dot_pairs(Pairs a, Pairs b, std::size_t words);

/// The dot product of whole numbers from 0 to 255, those of `b` less kByteCentre: what machines have an instruction
/// for. `size`: a multiple of kBytesStep, at most 65,536.
[[nodiscard]] std::int32_t dot_centred_bytes(const std::uint8_t* a, const std::uint8_t* b, std::size_t size);
inline constexpr int kByteCentre = 128;

/// The same of up to kMatrixRows rows with each of some columns, whose numbers are less kByteCentre already: product
/// kMatrixRows * column + row. Those of rows that are not there may be anything. What was read once is used for
/// many: so a product costs a quarter.
inline constexpr std::size_t kMatrixRows = 16;
void dot_matrix(std::span<const std::uint8_t* const> rows, std::span<const std::int8_t* const> columns,
                std::size_t size, std::int32_t* products);

/// Copies the distances up to a limit, and what they are of, in their order; how many. `to`: room for kMatrixRows more
/// than that, or the same places.
std::size_t keep_within(float limit, std::span<const float> distances, const std::uint32_t* nodes, float* to_distances,
                        std::uint32_t* to_nodes);

/// The dot product of whole numbers of 4 bits: byte i of a line has the line's number i in its lower half and number
/// 64 + i in its upper half. `bytes`: a multiple of kNibbleLineBytes, at most 32,768.
[[nodiscard]] std::uint32_t dot_nibbles(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes);

/// The same of `2 * bytes` signed numbers, in their plain order, and nibbles.
[[nodiscard]] std::int32_t dot_signed_nibbles(const std::int8_t* a, const std::uint8_t* nibbles, std::size_t bytes);

/// For each row of bits that is asked for: the sum of those of the numbers of 4 bits whose bit is set in it. `planes`:
/// one for each bit of a number, the highest first, `words` each, and so are rows.
void sums_where(const std::uint64_t* planes, const std::uint64_t* rows, std::span<const std::uint32_t> which,
                std::size_t words, std::uint32_t* sums);

/// How many bits differ.
[[nodiscard]] std::uint32_t differing_bits(const std::uint64_t* a, const std::uint64_t* b, std::size_t words);

/// One way to compute them.
struct DistanceKernels {
  const char* name;
  float (*dot)(const float* a, const float* b, std::size_t size);
  std::uint64_t (*dot_pairs)(Pairs a, Pairs b, std::size_t words);
  std::int32_t (*dot_centred_bytes)(const std::uint8_t* a, const std::uint8_t* b, std::size_t size);
  void (*dot_matrix)(std::span<const std::uint8_t* const> rows, std::span<const std::int8_t* const> columns,
                     std::size_t size, std::int32_t* products);
  std::size_t (*keep_within)(float limit, std::span<const float> distances, const std::uint32_t* nodes,
                             float* to_distances, std::uint32_t* to_nodes);
  std::uint32_t (*dot_nibbles)(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes);
  std::int32_t (*dot_signed_nibbles)(const std::int8_t* a, const std::uint8_t* nibbles, std::size_t bytes);
  void (*sums_where)(const std::uint64_t* planes, const std::uint64_t* rows, std::span<const std::uint32_t> which,
                     std::size_t words, std::uint32_t* sums);
  std::uint32_t (*differing_bits)(const std::uint64_t* a, const std::uint64_t* b, std::size_t words);
};
/// The ways that this machine knows, the best first; the last is plain C++.
[[nodiscard]] std::vector<DistanceKernels> distance_kernels();

}  // namespace tillite
