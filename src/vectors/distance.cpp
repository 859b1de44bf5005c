#include "vectors/distance.h"

#include <bit>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace tillite {
namespace {

/// The way that the machine at hand does it best.
struct Kernels {
  std::int32_t (*dot_int8)(const std::int8_t*, const std::int8_t*, std::size_t);
  float (*dot_float)(const float*, const float*, std::size_t);
  std::uint32_t (*hamming)(const std::uint64_t*, const std::uint64_t*, std::size_t);
};

std::int32_t dot_rest(const std::int8_t* a, const std::int8_t* b, std::size_t from, std::size_t size) {
  std::int32_t sum = 0;
  for (std::size_t i = from; i < size; ++i) sum += std::int32_t{a[i]} * std::int32_t{b[i]};
  return sum;
}

float dot_rest(const float* a, const float* b, std::size_t from, std::size_t size) {
  float sum = 0;
  for (std::size_t i = from; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

std::uint32_t hamming_rest(const std::uint64_t* a, const std::uint64_t* b, std::size_t from, std::size_t words) {
  int sum = 0;
  for (std::size_t i = from; i < words; ++i) sum += std::popcount(a[i] ^ b[i]);
  return static_cast<std::uint32_t>(sum);
}

#if defined(__x86_64__)

#define TILLITE_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx512vpopcntdq")))
#define TILLITE_AVX2 __attribute__((target("avx2,fma,popcnt")))

// VNNI multiplies unsigned by signed bytes: with a + 128 for a, the sum is 128 * sum(b) too large, which the second
// accumulator takes back.
TILLITE_AVX512 std::int32_t dot_int8_avx512(const std::int8_t* a, const std::int8_t* b, std::size_t size) {
  const __m512i offset = _mm512_set1_epi8(static_cast<char>(0x80));
  __m512i products = _mm512_setzero_si512();
  __m512i excess = _mm512_setzero_si512();
  std::size_t i = 0;
  for (; i + 64 <= size; i += 64) {
    const __m512i left = _mm512_xor_si512(_mm512_loadu_si512(a + i), offset);
    const __m512i right = _mm512_loadu_si512(b + i);
    products = _mm512_dpbusd_epi32(products, left, right);
    excess = _mm512_dpbusd_epi32(excess, offset, right);
  }
  return _mm512_reduce_add_epi32(_mm512_sub_epi32(products, excess)) + dot_rest(a, b, i, size);
}

TILLITE_AVX512 float dot_float_avx512(const float* a, const float* b, std::size_t size) {
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

TILLITE_AVX512 std::uint32_t hamming_avx512(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  __m512i counts = _mm512_setzero_si512();
  std::size_t i = 0;
  for (; i + 8 <= words; i += 8) {
    const __m512i differing = _mm512_xor_si512(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
    counts = _mm512_add_epi64(counts, _mm512_popcnt_epi64(differing));
  }
  return static_cast<std::uint32_t>(_mm512_reduce_add_epi64(counts)) + hamming_rest(a, b, i, words);
}

TILLITE_AVX2 std::int32_t dot_int8_avx2(const std::int8_t* a, const std::int8_t* b, std::size_t size) {
  __m256i sums = _mm256_setzero_si256();
  std::size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    const __m256i left = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i)));
    const __m256i right = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i)));
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(left, right));
  }
  alignas(32) std::int32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sums);
  std::int32_t sum = dot_rest(a, b, i, size);
  for (const std::int32_t lane : lanes) sum += lane;
  return sum;
}

TILLITE_AVX2 float dot_float_avx2(const float* a, const float* b, std::size_t size) {
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

TILLITE_AVX2 std::uint32_t hamming_avx2(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < words; ++i) sum += static_cast<std::uint64_t>(_mm_popcnt_u64(a[i] ^ b[i]));
  return static_cast<std::uint32_t>(sum);
}

#elif defined(__aarch64__)

std::int32_t dot_int8_neon(const std::int8_t* a, const std::int8_t* b, std::size_t size) {
  int32x4_t sums = vdupq_n_s32(0);
  std::size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    const int8x16_t left = vld1q_s8(a + i);
    const int8x16_t right = vld1q_s8(b + i);
    sums = vpadalq_s16(sums, vmull_s8(vget_low_s8(left), vget_low_s8(right)));
    sums = vpadalq_s16(sums, vmull_high_s8(left, right));
  }
  return vaddvq_s32(sums) + dot_rest(a, b, i, size);
}

float dot_float_neon(const float* a, const float* b, std::size_t size) {
  float32x4_t sums[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
  std::size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      sums[lane] = vfmaq_f32(sums[lane], vld1q_f32(a + i + 4 * lane), vld1q_f32(b + i + 4 * lane));
    }
  }
  return vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3]))) + dot_rest(a, b, i, size);
}

std::uint32_t hamming_neon(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  uint64x2_t counts = vdupq_n_u64(0);
  std::size_t i = 0;
  for (; i + 2 <= words; i += 2) {
    const uint8x16_t differing = vreinterpretq_u8_u64(veorq_u64(vld1q_u64(a + i), vld1q_u64(b + i)));
    counts = vpadalq_u32(counts, vpaddlq_u16(vpaddlq_u8(vcntq_u8(differing))));
  }
  return static_cast<std::uint32_t>(vaddvq_u64(counts)) + hamming_rest(a, b, i, words);
}

#endif

Kernels best_kernels() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vpopcntdq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    return {dot_int8_avx512, dot_float_avx512, hamming_avx512};
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt")) {
    return {dot_int8_avx2, dot_float_avx2, hamming_avx2};
  }
#elif defined(__aarch64__)
  return {dot_int8_neon, dot_float_neon, hamming_neon};
#endif
  return {
      [](const std::int8_t* a, const std::int8_t* b, std::size_t size) { return dot_rest(a, b, 0, size); },
      [](const float* a, const float* b, std::size_t size) { return dot_rest(a, b, 0, size); },
      [](const std::uint64_t* a, const std::uint64_t* b, std::size_t words) { return hamming_rest(a, b, 0, words); }};
}

const Kernels kKernels = best_kernels();

}  // namespace

std::int32_t dot(const std::int8_t* a, const std::int8_t* b, std::size_t size) { return kKernels.dot_int8(a, b, size); }
float dot(const float* a, const float* b, std::size_t size) { return kKernels.dot_float(a, b, size); }
std::uint32_t hamming(const std::uint64_t* a, const std::uint64_t* b, std::size_t words) {
  return kKernels.hamming(a, b, words);
}

}  // namespace tillite
