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

const std::uint64_t* plane(const Planes& of, std::size_t i, std::size_t words) {
  return i == 0 ? of.highest : of.others + (i - 1) * words;
}

template <std::size_t planes>
std::uint64_t dot_planes_plain(Planes a, Planes b, std::size_t words) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < planes; ++i) {
    for (std::size_t j = 0; j < planes; ++j) {
      int common = 0;
      for (std::size_t at = 0; at < words; ++at)
        common += std::popcount(plane(a, i, words)[at] & plane(b, j, words)[at]);
      sum += static_cast<std::uint64_t>(common) << shift_of(i, j, planes);
    }
  }
  return sum;
}

std::uint32_t dot_bytes_plain(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += std::uint32_t{a[i]} * b[i];
  return sum;
}

std::uint32_t sum_where_plain(Planes a, const std::uint64_t* b, std::size_t words) {
  int sum = 0;
  for (std::size_t at = 0; at < words; ++at) {
    sum += 2 * std::popcount(a.highest[at] & b[at]) + std::popcount(a.others[at] & b[at]);
  }
  return static_cast<std::uint32_t>(sum);
}

std::uint32_t differing_bits_plain(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  int sum = 0;
  for (std::size_t at = 0; at < words; ++at) sum += std::popcount(a[at] ^ b[at]);
  return static_cast<std::uint32_t>(sum);
}

#if defined(__x86_64__)

#define TILLITE_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vpopcntdq,avx512vnni")))
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
TILLITE_AVX512 std::uint64_t dot_planes_avx512(Planes a, Planes b, std::size_t words) {
  __m512i counts[2 * planes - 1];  // by the places of the bits together
  for (__m512i& count : counts) count = _mm512_setzero_si512();
  for (std::size_t at = 0; at < words; at += 8) {
    __m512i right[planes];
    for (std::size_t j = 0; j < planes; ++j) right[j] = _mm512_loadu_si512(plane(b, j, words) + at);
    for (std::size_t i = 0; i < planes; ++i) {
      const __m512i left = _mm512_loadu_si512(plane(a, i, words) + at);
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

/// The instruction multiplies unsigned by signed bytes: b - 128 is signed, and 128 times the sum of a comes on top.
TILLITE_AVX512 std::uint32_t dot_bytes_avx512(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  const __m512i half = _mm512_set1_epi8(static_cast<char>(0x80));
  __m512i products = _mm512_setzero_si512();
  __m512i sums = _mm512_setzero_si512();
  for (std::size_t i = 0; i < size; i += 64) {
    const __m512i left = _mm512_loadu_si512(a + i);
    products = _mm512_dpbusd_epi32(products, left, _mm512_xor_si512(_mm512_loadu_si512(b + i), half));
    sums = _mm512_add_epi64(sums, _mm512_sad_epu8(left, _mm512_setzero_si512()));
  }
  return static_cast<std::uint32_t>(_mm512_reduce_add_epi32(products)) +
         (static_cast<std::uint32_t>(_mm512_reduce_add_epi64(sums)) << 7);
}

TILLITE_AVX512 std::uint32_t sum_where_avx512(Planes a, const std::uint64_t* b, std::size_t words) {
  __m512i high = _mm512_setzero_si512();
  __m512i low = _mm512_setzero_si512();
  for (std::size_t at = 0; at < words; at += 8) {
    const __m512i chosen = _mm512_loadu_si512(b + at);
    high = _mm512_add_epi64(high, _mm512_popcnt_epi64(_mm512_and_si512(_mm512_loadu_si512(a.highest + at), chosen)));
    low = _mm512_add_epi64(low, _mm512_popcnt_epi64(_mm512_and_si512(_mm512_loadu_si512(a.others + at), chosen)));
  }
  return static_cast<std::uint32_t>(_mm512_reduce_add_epi64(_mm512_add_epi64(_mm512_add_epi64(high, high), low)));
}

TILLITE_AVX512 std::uint32_t differing_bits_avx512(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  __m512i count = _mm512_setzero_si512();
  for (std::size_t at = 0; at < words; at += 8) {
    const __m512i bits = _mm512_xor_si512(_mm512_loadu_si512(a + at), _mm512_loadu_si512(b + at));
    count = _mm512_add_epi64(count, _mm512_popcnt_epi64(bits));
  }
  return static_cast<std::uint32_t>(_mm512_reduce_add_epi64(count));
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

TILLITE_AVX2 inline std::uint64_t sum_of_lanes(__m256i sum) {
  alignas(32) std::uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sum);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

template <std::size_t planes>
TILLITE_AVX2 std::uint64_t dot_planes_avx2(Planes a, Planes b, std::size_t words) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t at = 0; at < words; at += 4) {
    __m256i right[planes];
    for (std::size_t j = 0; j < planes; ++j) {
      right[j] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(plane(b, j, words) + at));
    }
    for (std::size_t i = 0; i < planes; ++i) {
      const __m256i left = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(plane(a, i, words) + at));
      for (std::size_t j = 0; j < planes; ++j) {
        const __m256i bits = bits_of_bytes(_mm256_and_si256(left, right[j]));
        const __m256i count = _mm256_sad_epu8(bits, _mm256_setzero_si256());
        sum = _mm256_add_epi64(sum, _mm256_slli_epi64(count, static_cast<int>(shift_of(i, j, planes))));
      }
    }
  }
  return sum_of_lanes(sum);
}

TILLITE_AVX2 std::uint32_t dot_bytes_avx2(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  __m256i sum = _mm256_setzero_si256();  // of 32-bit numbers
  for (std::size_t i = 0; i < size; i += 16) {
    const __m256i left = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i)));
    const __m256i right = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(left, right));
  }
  alignas(32) std::uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sum);
  std::uint32_t total = 0;
  for (const std::uint32_t lane : lanes) total += lane;
  return total;
}

TILLITE_AVX2 std::uint32_t sum_where_avx2(Planes a, const std::uint64_t* b, std::size_t words) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t at = 0; at < words; at += 4) {
    const __m256i chosen = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + at));
    const __m256i high = _mm256_and_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(a.highest + at)), chosen);
    const __m256i low = _mm256_and_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(a.others + at)), chosen);
    const __m256i bits = _mm256_add_epi8(_mm256_slli_epi64(bits_of_bytes(high), 1), bits_of_bytes(low));
    sum = _mm256_add_epi64(sum, _mm256_sad_epu8(bits, _mm256_setzero_si256()));
  }
  return static_cast<std::uint32_t>(sum_of_lanes(sum));
}

TILLITE_AVX2 std::uint32_t differing_bits_avx2(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t at = 0; at < words; at += 4) {
    const __m256i bits = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(a + at)),
                                          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + at)));
    sum = _mm256_add_epi64(sum, _mm256_sad_epu8(bits_of_bytes(bits), _mm256_setzero_si256()));
  }
  return static_cast<std::uint32_t>(sum_of_lanes(sum));
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
std::uint64_t dot_planes_neon(Planes a, Planes b, std::size_t words) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < planes; ++i) {
    for (std::size_t j = 0; j < planes; ++j) {
      uint64x2_t counts = vdupq_n_u64(0);
      for (std::size_t at = 0; at < words; at += 2) {
        const uint64x2_t common = vandq_u64(vld1q_u64(plane(a, i, words) + at), vld1q_u64(plane(b, j, words) + at));
        counts = vaddq_u64(counts, bits_of(common));
      }
      sum += vaddvq_u64(counts) << shift_of(i, j, planes);
    }
  }
  return sum;
}

std::uint32_t dot_bytes_neon(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  uint32x4_t sum = vdupq_n_u32(0);
  for (std::size_t i = 0; i < size; i += 16) {
    const uint8x16_t left = vld1q_u8(a + i);
    const uint8x16_t right = vld1q_u8(b + i);
    sum = vpadalq_u16(sum, vmull_u8(vget_low_u8(left), vget_low_u8(right)));
    sum = vpadalq_u16(sum, vmull_u8(vget_high_u8(left), vget_high_u8(right)));
  }
  return vaddvq_u32(sum);
}

std::uint32_t sum_where_neon(Planes a, const std::uint64_t* b, std::size_t words) {
  uint64x2_t high = vdupq_n_u64(0);
  uint64x2_t low = vdupq_n_u64(0);
  for (std::size_t at = 0; at < words; at += 2) {
    const uint64x2_t chosen = vld1q_u64(b + at);
    high = vaddq_u64(high, bits_of(vandq_u64(vld1q_u64(a.highest + at), chosen)));
    low = vaddq_u64(low, bits_of(vandq_u64(vld1q_u64(a.others + at), chosen)));
  }
  return static_cast<std::uint32_t>(2 * vaddvq_u64(high) + vaddvq_u64(low));
}

std::uint32_t differing_bits_neon(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  uint64x2_t counts = vdupq_n_u64(0);
  for (std::size_t at = 0; at < words; at += 2) {
    counts = vaddq_u64(counts, bits_of(veorq_u64(vld1q_u64(a + at), vld1q_u64(b + at))));
  }
  return static_cast<std::uint32_t>(vaddvq_u64(counts));
}

#endif

const DistanceKernels kBest = distance_kernels().front();

}  // namespace

std::vector<DistanceKernels> distance_kernels() {
  std::vector<DistanceKernels> kernels;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vnni") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    kernels.push_back({"AVX-512",
                       dot_avx512,
                       {dot_planes_avx512<2>, dot_planes_avx512<4>},
                       dot_bytes_avx512,
                       sum_where_avx512,
                       differing_bits_avx512});
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt")) {
    kernels.push_back({"AVX2",
                       dot_avx2,
                       {dot_planes_avx2<2>, dot_planes_avx2<4>},
                       dot_bytes_avx2,
                       sum_where_avx2,
                       differing_bits_avx2});
  }
#elif defined(__aarch64__)
  kernels.push_back({"NEON",
                     dot_neon,
                     {dot_planes_neon<2>, dot_planes_neon<4>},
                     dot_bytes_neon,
                     sum_where_neon,
                     differing_bits_neon});
#endif
  kernels.push_back({"plain",
                     dot_plain,
                     {dot_planes_plain<2>, dot_planes_plain<4>},
                     dot_bytes_plain,
                     sum_where_plain,
                     differing_bits_plain});
  return kernels;
}

float dot(const float* a, const float* b, std::size_t size) { return kBest.dot(a, b, size); }

std::uint64_t dot_planes(Planes a, Planes b, std::size_t planes, std::size_t words) {
  return kBest.dot_planes[planes / 4](a, b, words);
}

std::uint32_t dot_bytes(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  return kBest.dot_bytes(a, b, size);
}

std::uint32_t sum_where(Planes a, const std::uint64_t* b, std::size_t words) { return kBest.sum_where(a, b, words); }

std::uint32_t differing_bits(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  return kBest.differing_bits(a, b, words);
}

}  // namespace tillite
