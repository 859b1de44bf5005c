#pragma once

#include <cstddef>
#include <cstdint>

namespace tillite {

// Dot products, compiled for AVX-512, AVX2 and plain machines; the machine at hand decides at run time.
[[nodiscard]] std::int32_t dot(const std::int8_t* a, const std::int8_t* b, std::size_t size);
[[nodiscard]] float dot(const float* a, const float* b, std::size_t size);

}  // namespace tillite
