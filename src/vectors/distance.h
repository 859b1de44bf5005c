#pragma once

#include <cstddef>
#include <cstdint>

namespace tillite {

// What vectors are compared by. Compiled for AVX-512 (VNNI, VPOPCNTDQ), AVX2, NEON and plain machines; the machine at
// hand decides at run time. All of them give the same integers; floats are summed in one fixed order on each machine.

/// The dot product of int8 codes; `size` is at most 2^16, so that the sum cannot overflow.
[[nodiscard]] std::int32_t dot(const std::int8_t* a, const std::int8_t* b, std::size_t size);
[[nodiscard]] float dot(const float* a, const float* b, std::size_t size);
/// How many bits differ.
[[nodiscard]] std::uint32_t hamming(const std::uint64_t* a, const std::uint64_t* b, std::size_t words);

}  // namespace tillite
