#include "vectors/hnsw/distance.h"

#include "vectors/hnsw/distance_kernels.h"

namespace tillite {
namespace {

const DistanceKernels kBest = distance_kernels().front();

}  // namespace

std::vector<DistanceKernels> distance_kernels() {
  std::vector<DistanceKernels> kernels;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vnni") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    kernels.push_back(avx512_kernels());
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt")) {
    kernels.push_back(avx2_kernels());
  }
#elif defined(__aarch64__)
  kernels.push_back(neon_kernels());
#endif
  kernels.push_back(plain_kernels());
  return kernels;
}

float dot(const float* a, const float* b, std::size_t size) { return kBest.dot(a, b, size); }

std::uint64_t dot_pairs(Pairs a, Pairs b, std::size_t words) { return kBest.dot_pairs(a, b, words); }

std::int32_t dot_centred_bytes(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  return kBest.dot_centred_bytes(a, b, size);
}

void dot_matrix(std::span<const std::uint8_t* const> rows, std::span<const std::int8_t* const> columns,
                std::size_t size, std::int32_t* products) {
  kBest.dot_matrix(rows, columns, size, products);
}

std::size_t keep_within(float limit, std::span<const float> distances, const std::uint32_t* nodes, float* to_distances,
                        std::uint32_t* to_nodes) {
  return kBest.keep_within(limit, distances, nodes, to_distances, to_nodes);
}

std::uint32_t dot_nibbles(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes) {
  return kBest.dot_nibbles(a, b, bytes);
}

std::int32_t dot_signed_nibbles(const std::int8_t* a, const std::uint8_t* nibbles, std::size_t bytes) {
  return kBest.dot_signed_nibbles(a, nibbles, bytes);
}

void sums_where(const std::uint64_t* planes, const std::uint64_t* rows, std::span<const std::uint32_t> which,
                std::size_t words, std::uint32_t* sums) {
  kBest.sums_where(planes, rows, which, words, sums);
}

std::uint32_t differing_bits(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  return kBest.differing_bits(a, b, words);
}

}  // namespace tillite
