#include "vectors/distance.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define TILLITE_FOR_EACH_MACHINE \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3")))
#else
#define TILLITE_FOR_EACH_MACHINE
#endif

namespace tillite {

TILLITE_FOR_EACH_MACHINE std::int32_t dot(const std::int8_t* a, const std::int8_t* b, std::size_t size) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    sum += static_cast<std::int32_t>(static_cast<std::int16_t>(a[i])) *
           static_cast<std::int32_t>(static_cast<std::int16_t>(b[i]));
  }
  return sum;
}

TILLITE_FOR_EACH_MACHINE float dot(const float* a, const float* b, std::size_t size) {
  // Sixteen sums of their own: the order of additions is fixed, and vectors of machine registers can hold them.
  constexpr std::size_t lanes = 16;
  float sums[lanes] = {};
  std::size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  float sum = 0;
  for (; i < size; ++i) sum += a[i] * b[i];
  for (const float lane : sums) sum += lane;
  return sum;
}

}  // namespace tillite
