#include "vectors/distance.h"

#include <bit>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace tillite {
namespace {

float dot_rest(const float* a, const float* b, std::size_t from, std::size_t size) {
  float sum = 0;
  for (std::size_t i = from; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

float dot_plain(const float* a, const float* b, std::size_t size) { return dot_rest(a, b, 0, size); }

/// A pair of planes counts by the places of its bits.
constexpr std::size_t shift_of(std::size_t i, std::size_t j, std::size_t planes) { return 2 * (planes - 1) - i - j; }

template <std::size_t planes>
std::uint64_t dot_planes_plain(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < planes; ++i) {
    for (std::size_t j = 0; j < planes; ++j) {
      int common = 0;
      for (std::size_t at = 0; at < words; ++at) common += std::popcount(a[i * words + at] & b[j * words + at]);
      sum += static_cast<std::uint64_t>(common) << shift_of(i, j, planes);
    }
  }
  return sum;
}

template <std::size_t planes>
std::uint64_t sum_where_plain(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < planes; ++i) {
    int set = 0;
    for (std::size_t at = 0; at < words; ++at) set += std::popcount(a[i * words + at] & b[at]);
    sum += static_cast<std::uint64_t>(set) << (planes - 1 - i);
  }
  return sum;
}

#if defined(__x86_64__)

#define TILLITE_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vpopcntdq")))
#define TILLITE_AVX2 __attribute__((target("avx2,fma,popcnt")))

TILLITE_AVX512 float dot_avx512(const float* a, const float* b, std::size_t size) {
  __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
  std::size_t i = 0;
  for (; i + 64 <= size; i += 64) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      const std::size_t at = i + 16 * lane;
      sums[lane] = _mm512_fmadd_ps(_mm512_loadu_ps(a + at), _mm512_loadu_ps(b + at), sums[lane]);
    }
  }
  const __m512 sum = _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3]));
  return _mm512_reduce_add_ps(sum) + dot_rest(a, b, i, size);
}

template <std::size_t planes>
TILLITE_AVX512 std::uint64_t dot_planes_avx512(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  __m512i counts[2 * planes - 1];  // by the places of the bits together
  for (__m512i& count : counts) count = _mm512_setzero_si512();
  for (std::size_t at = 0; at < words; at += 8) {
    __m512i right[planes];
    for (std::size_t j = 0; j < planes; ++j) right[j] = _mm512_loadu_si512(b + j * words + at);
    for (std::size_t i = 0; i < planes; ++i) {
      const __m512i left = _mm512_loadu_si512(a + i * words + at);
      for (std::size_t j = 0; j < planes; ++j) {
        __m512i& count = counts[shift_of(i, j, planes)];
        count = _mm512_add_epi64(count, _mm512_popcnt_epi64(_mm512_and_si512(left, right[j])));
      }
    }
  }
  __m512i sum = counts[0];
  for (std::size_t shift = 1; shift < 2 * planes - 1; ++shift) {
    sum = _mm512_add_epi64(sum, _mm512_slli_epi64(counts[shift], static_cast<unsigned>(shift)));
  }
  return static_cast<std::uint64_t>(_mm512_reduce_add_epi64(sum));
}

template <std::size_t planes>
TILLITE_AVX512 std::uint64_t sum_where_avx512(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  __m512i counts[planes];
  for (__m512i& count : counts) count = _mm512_setzero_si512();
  for (std::size_t at = 0; at < words; at += 8) {
    const __m512i chosen = _mm512_loadu_si512(b + at);
    for (std::size_t i = 0; i < planes; ++i) {
      const __m512i set = _mm512_and_si512(_mm512_loadu_si512(a + i * words + at), chosen);
      counts[i] = _mm512_add_epi64(counts[i], _mm512_popcnt_epi64(set));
    }
  }
  __m512i sum = counts[0];
  for (std::size_t i = 1; i < planes; ++i) sum = _mm512_add_epi64(_mm512_add_epi64(sum, sum), counts[i]);
  return static_cast<std::uint64_t>(_mm512_reduce_add_epi64(sum));
}

TILLITE_AVX2 float dot_avx2(const float* a, const float* b, std::size_t size) {
  __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
  std::size_t i = 0;
  for (; i + 32 <= size; i += 32) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      const std::size_t at = i + 8 * lane;
      sums[lane] = _mm256_fmadd_ps(_mm256_loadu_ps(a + at), _mm256_loadu_ps(b + at), sums[lane]);
    }
  }
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes, _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
  float sum = dot_rest(a, b, i, size);
  for (const float lane : lanes) sum += lane;
  return sum;
}

/// The bits of each byte: a table of the sixteen half bytes, looked up twice.
TILLITE_AVX2 inline __m256i bits_of_bytes(__m256i bytes) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                         0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low_half = _mm256_set1_epi8(0x0f);
  const __m256i low = _mm256_and_si256(bytes, low_half);
  const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low_half);
  return _mm256_add_epi8(_mm256_shuffle_epi8(table, low), _mm256_shuffle_epi8(table, high));
}

template <std::size_t planes>
TILLITE_AVX2 std::uint64_t dot_planes_avx2(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t at = 0; at < words; at += 4) {
    __m256i right[planes];
    for (std::size_t j = 0; j < planes; ++j) {
      right[j] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + j * words + at));
    }
    for (std::size_t i = 0; i < planes; ++i) {
      const __m256i left = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a + i * words + at));
      for (std::size_t j = 0; j < planes; ++j) {
        const __m256i bits = bits_of_bytes(_mm256_and_si256(left, right[j]));
        const __m256i count = _mm256_sad_epu8(bits, _mm256_setzero_si256());
        sum = _mm256_add_epi64(sum, _mm256_slli_epi64(count, static_cast<int>(shift_of(i, j, planes))));
      }
    }
  }
  alignas(32) std::uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sum);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

template <std::size_t planes>
TILLITE_AVX2 std::uint64_t sum_where_avx2(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t at = 0; at < words; at += 4) {
    const __m256i chosen = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + at));
    for (std::size_t i = 0; i < planes; ++i) {
      const __m256i left = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a + i * words + at));
      const __m256i count = _mm256_sad_epu8(bits_of_bytes(_mm256_and_si256(left, chosen)), _mm256_setzero_si256());
      sum = _mm256_add_epi64(sum, _mm256_slli_epi64(count, static_cast<int>(planes - 1 - i)));
    }
  }
  alignas(32) std::uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sum);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

#elif defined(__aarch64__)

float dot_neon(const float* a, const float* b, std::size_t size) {
  float32x4_t sums[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
  std::size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      sums[lane] = vfmaq_f32(sums[lane], vld1q_f32(a + i + 4 * lane), vld1q_f32(b + i + 4 * lane));
    }
  }
  return vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3]))) + dot_rest(a, b, i, size);
}

inline uint64x2_t bits_of(uint64x2_t words) {
  return vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(vcntq_u8(vreinterpretq_u8_u64(words)))));
}

template <std::size_t planes>
std::uint64_t dot_planes_neon(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < planes; ++i) {
    for (std::size_t j = 0; j < planes; ++j) {
      uint64x2_t counts = vdupq_n_u64(0);
      for (std::size_t at = 0; at < words; at += 2) {
        counts = vaddq_u64(counts, bits_of(vandq_u64(vld1q_u64(a + i * words + at), vld1q_u64(b + j * words + at))));
      }
      sum += vaddvq_u64(counts) << shift_of(i, j, planes);
    }
  }
  return sum;
}

template <std::size_t planes>
std::uint64_t sum_where_neon(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < planes; ++i) {
    uint64x2_t counts = vdupq_n_u64(0);
    for (std::size_t at = 0; at < words; at += 2) {
      counts = vaddq_u64(counts, bits_of(vandq_u64(vld1q_u64(a + i * words + at), vld1q_u64(b + at))));
    }
    sum += vaddvq_u64(counts) << (planes - 1 - i);
  }
  return sum;
}

#endif

const DistanceKernels kBest = distance_kernels().front();

}  // namespace

std::vector<DistanceKernels> distance_kernels() {
  std::vector<DistanceKernels> kernels;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    kernels.push_back({"AVX-512",
                       dot_avx512,
                       {dot_planes_avx512<1>, dot_planes_avx512<2>, dot_planes_avx512<4>},
                       {sum_where_avx512<1>, sum_where_avx512<2>, sum_where_avx512<4>}});
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt")) {
    kernels.push_back({"AVX2",
                       dot_avx2,
                       {dot_planes_avx2<1>, dot_planes_avx2<2>, dot_planes_avx2<4>},
                       {sum_where_avx2<1>, sum_where_avx2<2>, sum_where_avx2<4>}});
  }
#elif defined(__aarch64__)
  kernels.push_back({"NEON",
                     dot_neon,
                     {dot_planes_neon<1>, dot_planes_neon<2>, dot_planes_neon<4>},
                     {sum_where_neon<1>, sum_where_neon<2>, sum_where_neon<4>}});
#endif
  kernels.push_back({"plain",
                     dot_plain,
                     {dot_planes_plain<1>, dot_planes_plain<2>, dot_planes_plain<4>},
                     {sum_where_plain<1>, sum_where_plain<2>, sum_where_plain<4>}});
  return kernels;
}

float dot(const float* a, const float* b, std::size_t size) { return kBest.dot(a, b, size); }

std::uint64_t dot_planes(const std::uint64_t* a, const std::uint64_t* b, std::size_t planes, std::size_t words) {
  return kBest.dot_planes[planes / 2](a, b, words);
}

std::uint64_t sum_where(const std::uint64_t* a, const std::uint64_t* b, std::size_t planes, std::size_t words) {
  return kBest.sum_where[planes / 2](a, b, words);
}

}  // namespace tillite
