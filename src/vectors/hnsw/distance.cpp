#include "vectors/hnsw/distance.h"

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

constexpr std::size_t kPlanes = 4;  // of the numbers that sum_where adds

std::uint64_t dot_pairs_plain(Pairs a, Pairs b, std::size_t words) {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < words; ++at) {
    const int mixed = std::popcount(a.high[at] & b.low[at]) + std::popcount(a.low[at] & b.high[at]);
    sum += static_cast<std::uint64_t>(4 * std::popcount(a.high[at] & b.high[at]) + 2 * mixed +
                                      std::popcount(a.low[at] & b.low[at]));
  }
  return sum;
}

std::int32_t dot_centred_bytes_plain(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += a[i] * (b[i] - kByteCentre);
  return sum;
}

std::uint32_t dot_nibbles_plain(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes; ++i) sum += (a[i] & 15U) * (b[i] & 15U) + (a[i] >> 4U) * (b[i] >> 4U);
  return sum;
}

std::int32_t dot_signed_nibbles_plain(const std::int8_t* a, const std::uint8_t* nibbles, std::size_t bytes) {
  std::int32_t sum = 0;
  for (std::size_t line = 0; line < bytes; line += kNibbleLineBytes) {
    for (std::size_t i = 0; i < kNibbleLineBytes; ++i) {
      const std::uint8_t both = nibbles[line + i];
      sum += a[2 * line + i] * (both & 15) + a[2 * line + kNibbleLineBytes + i] * (both >> 4);
    }
  }
  return sum;
}

void sums_where_plain(const std::uint64_t* planes, const std::uint64_t* rows, std::span<const std::uint32_t> which,
                      std::size_t words, std::uint32_t* sums) {
  for (const std::uint32_t row : which) {
    std::uint32_t sum = 0;
    for (std::size_t plane = 0; plane < kPlanes; ++plane) {
      sum *= 2;
      for (std::size_t at = 0; at < words; ++at) {
        sum += static_cast<std::uint32_t>(std::popcount(planes[plane * words + at] & rows[row * words + at]));
      }
    }
    *sums++ = sum;
  }
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

TILLITE_AVX512 inline __m512i common_bits(const std::uint64_t* a, const std::uint64_t* b) {
  return _mm512_popcnt_epi64(_mm512_and_si512(_mm512_loadu_si512(a), _mm512_loadu_si512(b)));
}

TILLITE_AVX512 std::uint64_t dot_pairs_avx512(Pairs a, Pairs b, std::size_t words) {
  __m512i high = _mm512_setzero_si512();
  __m512i mixed = _mm512_setzero_si512();
  __m512i low = _mm512_setzero_si512();
  for (std::size_t at = 0; at < words; at += 8) {
    high = _mm512_add_epi64(high, common_bits(a.high + at, b.high + at));
    mixed = _mm512_add_epi64(mixed, common_bits(a.high + at, b.low + at));
    mixed = _mm512_add_epi64(mixed, common_bits(a.low + at, b.high + at));
    low = _mm512_add_epi64(low, common_bits(a.low + at, b.low + at));
  }
  const __m512i upper = _mm512_add_epi64(_mm512_slli_epi64(high, 2), _mm512_slli_epi64(mixed, 1));
  return static_cast<std::uint64_t>(_mm512_reduce_add_epi64(_mm512_add_epi64(upper, low)));
}

/// Four sums, so that none waits for the one before it.
TILLITE_AVX512 std::int32_t dot_centred_bytes_avx512(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  const __m512i centre = _mm512_set1_epi8(static_cast<char>(kByteCentre));  // x - 128 is x with its highest bit turned
  __m512i sums[4] = {};
  const auto add = [&](std::size_t at, __m512i& sum) TILLITE_AVX512 {
    sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(a + at), _mm512_xor_si512(_mm512_loadu_si512(b + at), centre));
  };
  std::size_t i = 0;
  for (; i + 256 <= size; i += 256) {
    for (std::size_t lane = 0; lane < 4; ++lane) add(i + 64 * lane, sums[lane]);
  }
  for (; i < size; i += 64) add(i, sums[0]);
  return _mm512_reduce_add_epi32(
      _mm512_add_epi32(_mm512_add_epi32(sums[0], sums[1]), _mm512_add_epi32(sums[2], sums[3])));
}

TILLITE_AVX512 inline __m512i lower_halves(__m512i bytes) { return _mm512_and_si512(bytes, _mm512_set1_epi8(15)); }
TILLITE_AVX512 inline __m512i upper_halves(__m512i bytes) { return lower_halves(_mm512_srli_epi16(bytes, 4)); }

TILLITE_AVX512 std::uint32_t dot_nibbles_avx512(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes) {
  __m512i lower = _mm512_setzero_si512();
  __m512i upper = _mm512_setzero_si512();
  for (std::size_t i = 0; i < bytes; i += 64) {
    const __m512i left = _mm512_loadu_si512(a + i);
    const __m512i right = _mm512_loadu_si512(b + i);
    lower = _mm512_dpbusd_epi32(lower, lower_halves(left), lower_halves(right));
    upper = _mm512_dpbusd_epi32(upper, upper_halves(left), upper_halves(right));
  }
  return static_cast<std::uint32_t>(_mm512_reduce_add_epi32(_mm512_add_epi32(lower, upper)));
}

TILLITE_AVX512 std::int32_t dot_signed_nibbles_avx512(const std::int8_t* a, const std::uint8_t* nibbles,
                                                      std::size_t bytes) {
  __m512i lower = _mm512_setzero_si512();
  __m512i upper = _mm512_setzero_si512();
  for (std::size_t i = 0; i < bytes; i += 64) {
    const __m512i both = _mm512_loadu_si512(nibbles + i);
    lower = _mm512_dpbusd_epi32(lower, lower_halves(both), _mm512_loadu_si512(a + 2 * i));
    upper = _mm512_dpbusd_epi32(upper, upper_halves(both), _mm512_loadu_si512(a + 2 * i + 64));
  }
  return _mm512_reduce_add_epi32(_mm512_add_epi32(lower, upper));
}

/// What the bits of four planes are worth, the highest first.
TILLITE_AVX512 inline __m512i weighted(const __m512i (&counts)[kPlanes]) {
  const __m512i upper = _mm512_add_epi64(_mm512_add_epi64(counts[0], counts[0]), counts[1]);
  const __m512i lower = _mm512_add_epi64(_mm512_add_epi64(counts[2], counts[2]), counts[3]);
  return _mm512_add_epi64(_mm512_slli_epi64(upper, 2), lower);
}

/// The sum of the lanes of each of eight.
TILLITE_AVX512 inline __m256i sums_of_lanes(const __m512i (&of)[8]) {
  __m512i pairs[4];
  for (std::size_t i = 0; i < 4; ++i) {
    pairs[i] = _mm512_add_epi64(_mm512_unpacklo_epi64(of[2 * i], of[2 * i + 1]),
                                _mm512_unpackhi_epi64(of[2 * i], of[2 * i + 1]));
  }
  __m512i fours[2];
  for (std::size_t i = 0; i < 2; ++i) {
    fours[i] = _mm512_add_epi64(_mm512_shuffle_i64x2(pairs[2 * i], pairs[2 * i + 1], 0x88),
                                _mm512_shuffle_i64x2(pairs[2 * i], pairs[2 * i + 1], 0xdd));
  }
  return _mm512_cvtepi64_epi32(
      _mm512_add_epi64(_mm512_shuffle_i64x2(fours[0], fours[1], 0x88), _mm512_shuffle_i64x2(fours[0], fours[1], 0xdd)));
}

/// The planes stay in registers: `Steps` is how many of these a plane fills.
template <std::size_t Steps>
TILLITE_AVX512 void sums_where_avx512_of(const std::uint64_t* planes, const std::uint64_t* rows,
                                         std::span<const std::uint32_t> which, std::uint32_t* sums) {
  __m512i bits[kPlanes][Steps];
  for (std::size_t plane = 0; plane < kPlanes; ++plane) {
    for (std::size_t step = 0; step < Steps; ++step) {
      bits[plane][step] = _mm512_loadu_si512(planes + (plane * Steps + step) * kPlaneWordsStep);
    }
  }
  const auto sum_of = [&](std::uint32_t row) TILLITE_AVX512 {
    const std::uint64_t* words = rows + row * Steps * kPlaneWordsStep;
    __m512i counts[kPlanes] = {};
    for (std::size_t step = 0; step < Steps; ++step) {
      const __m512i of_row = _mm512_loadu_si512(words + step * kPlaneWordsStep);
      for (std::size_t plane = 0; plane < kPlanes; ++plane) {
        const __m512i common = _mm512_popcnt_epi64(_mm512_and_si512(of_row, bits[plane][step]));
        counts[plane] = step == 0 ? common : _mm512_add_epi64(counts[plane], common);
      }
    }
    return weighted(counts);
  };
  constexpr std::size_t kAtOnce = 8;
  std::size_t i = 0;
  for (; i + kAtOnce <= which.size(); i += kAtOnce) {
    __m512i of[kAtOnce];
    for (std::size_t j = 0; j < kAtOnce; ++j) of[j] = sum_of(which[i + j]);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + i), sums_of_lanes(of));
  }
  for (; i < which.size(); ++i) sums[i] = static_cast<std::uint32_t>(_mm512_reduce_add_epi64(sum_of(which[i])));
}

TILLITE_AVX512 void sums_where_avx512(const std::uint64_t* planes, const std::uint64_t* rows,
                                      std::span<const std::uint32_t> which, std::size_t words, std::uint32_t* sums) {
  switch (words / kPlaneWordsStep) {
    case 1:
      return sums_where_avx512_of<1>(planes, rows, which, sums);
    case 2:
      return sums_where_avx512_of<2>(planes, rows, which, sums);
    case 3:
      return sums_where_avx512_of<3>(planes, rows, which, sums);
    default:
      break;  // too many for the registers
  }
  for (const std::uint32_t row : which) {
    __m512i counts[kPlanes] = {};
    for (std::size_t at = 0; at < words; at += kPlaneWordsStep) {
      for (std::size_t plane = 0; plane < kPlanes; ++plane) {
        counts[plane] =
            _mm512_add_epi64(counts[plane], common_bits(planes + plane * words + at, rows + row * words + at));
      }
    }
    *sums++ = static_cast<std::uint32_t>(_mm512_reduce_add_epi64(weighted(counts)));
  }
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

TILLITE_AVX2 inline __m256i load_avx2(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

/// In four lanes of 64 bits.
TILLITE_AVX2 inline __m256i common_bits_avx2(const std::uint64_t* a, const std::uint64_t* b) {
  return _mm256_sad_epu8(bits_of_bytes(_mm256_and_si256(load_avx2(a), load_avx2(b))), _mm256_setzero_si256());
}

TILLITE_AVX2 std::uint64_t dot_pairs_avx2(Pairs a, Pairs b, std::size_t words) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t at = 0; at < words; at += 4) {
    const __m256i high = common_bits_avx2(a.high + at, b.high + at);
    const __m256i mixed =
        _mm256_add_epi64(common_bits_avx2(a.high + at, b.low + at), common_bits_avx2(a.low + at, b.high + at));
    const __m256i upper = _mm256_add_epi64(_mm256_slli_epi64(high, 2), _mm256_slli_epi64(mixed, 1));
    sum = _mm256_add_epi64(sum, _mm256_add_epi64(upper, common_bits_avx2(a.low + at, b.low + at)));
  }
  return sum_of_lanes(sum);
}

TILLITE_AVX2 inline std::int32_t sum_of_eight(__m256i sum) {
  alignas(32) std::int32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sum);
  std::int32_t total = 0;
  for (const std::int32_t lane : lanes) total += lane;
  return total;
}

TILLITE_AVX2 std::int32_t dot_centred_bytes_avx2(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  const __m128i centre = _mm_set1_epi8(static_cast<char>(kByteCentre));
  __m256i sum = _mm256_setzero_si256();  // of 32-bit numbers
  for (std::size_t i = 0; i < size; i += 16) {
    const __m128i right = _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i)), centre);
    const __m256i left = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(left, _mm256_cvtepi8_epi16(right)));
  }
  return sum_of_eight(sum);
}

TILLITE_AVX2 inline __m256i lower_halves_avx2(__m256i bytes) { return _mm256_and_si256(bytes, _mm256_set1_epi8(15)); }
TILLITE_AVX2 inline __m256i upper_halves_avx2(__m256i bytes) { return lower_halves_avx2(_mm256_srli_epi16(bytes, 4)); }

/// Adds the products of nibbles and signed bytes: two of them fit 16 bits.
TILLITE_AVX2 inline __m256i add_products(__m256i sum, __m256i nibbles, __m256i bytes) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(nibbles, bytes), _mm256_set1_epi16(1)));
}

TILLITE_AVX2 std::uint32_t dot_nibbles_avx2(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t i = 0; i < bytes; i += 32) {
    const __m256i left = load_avx2(a + i);
    const __m256i right = load_avx2(b + i);
    sum = add_products(sum, lower_halves_avx2(left), lower_halves_avx2(right));
    sum = add_products(sum, upper_halves_avx2(left), upper_halves_avx2(right));
  }
  return static_cast<std::uint32_t>(sum_of_eight(sum));
}

TILLITE_AVX2 std::int32_t dot_signed_nibbles_avx2(const std::int8_t* a, const std::uint8_t* nibbles,
                                                  std::size_t bytes) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t line = 0; line < bytes; line += kNibbleLineBytes) {
    for (std::size_t i = 0; i < kNibbleLineBytes; i += 32) {
      const __m256i both = load_avx2(nibbles + line + i);
      sum = add_products(sum, lower_halves_avx2(both), load_avx2(a + 2 * line + i));
      sum = add_products(sum, upper_halves_avx2(both), load_avx2(a + 2 * line + kNibbleLineBytes + i));
    }
  }
  return sum_of_eight(sum);
}

TILLITE_AVX2 void sums_where_avx2(const std::uint64_t* planes, const std::uint64_t* rows,
                                  std::span<const std::uint32_t> which, std::size_t words, std::uint32_t* sums) {
  for (const std::uint32_t row : which) {
    __m256i sum = _mm256_setzero_si256();
    for (std::size_t plane = 0; plane < kPlanes; ++plane) {
      sum = _mm256_add_epi64(sum, sum);
      for (std::size_t at = 0; at < words; at += 4) {
        sum = _mm256_add_epi64(sum, common_bits_avx2(planes + plane * words + at, rows + row * words + at));
      }
    }
    *sums++ = static_cast<std::uint32_t>(sum_of_lanes(sum));
  }
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

inline uint64x2_t common_bits(const std::uint64_t* a, const std::uint64_t* b) {
  return bits_of(vandq_u64(vld1q_u64(a), vld1q_u64(b)));
}

std::uint64_t dot_pairs_neon(Pairs a, Pairs b, std::size_t words) {
  uint64x2_t sum = vdupq_n_u64(0);
  for (std::size_t at = 0; at < words; at += 2) {
    const uint64x2_t mixed = vaddq_u64(common_bits(a.high + at, b.low + at), common_bits(a.low + at, b.high + at));
    sum = vaddq_u64(sum, vshlq_n_u64(common_bits(a.high + at, b.high + at), 2));
    sum = vaddq_u64(sum, vaddq_u64(vshlq_n_u64(mixed, 1), common_bits(a.low + at, b.low + at)));
  }
  return vaddvq_u64(sum);
}

std::int32_t dot_centred_bytes_neon(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  int32x4_t sum = vdupq_n_s32(0);
  const auto add = [&](uint8x8_t left, uint8x8_t right) {
    const int16x8_t numbers = vreinterpretq_s16_u16(vmovl_u8(left));
    const int16x8_t centred = vsubq_s16(vreinterpretq_s16_u16(vmovl_u8(right)), vdupq_n_s16(kByteCentre));
    sum = vmlal_s16(sum, vget_low_s16(numbers), vget_low_s16(centred));
    sum = vmlal_s16(sum, vget_high_s16(numbers), vget_high_s16(centred));
  };
  for (std::size_t i = 0; i < size; i += 16) {
    const uint8x16_t left = vld1q_u8(a + i);
    const uint8x16_t right = vld1q_u8(b + i);
    add(vget_low_u8(left), vget_low_u8(right));
    add(vget_high_u8(left), vget_high_u8(right));
  }
  return vaddvq_s32(sum);
}

inline uint8x16_t lower_halves(uint8x16_t bytes) { return vandq_u8(bytes, vdupq_n_u8(15)); }
inline uint8x16_t upper_halves(uint8x16_t bytes) { return vshrq_n_u8(bytes, 4); }

/// Adds the products of sixteen pairs of bytes.
inline int32x4_t add_products(int32x4_t sum, uint8x16_t nibbles, int8x16_t bytes) {
  const int8x16_t left = vreinterpretq_s8_u8(nibbles);
  sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(left), vget_low_s8(bytes)));
  return vpadalq_s16(sum, vmull_s8(vget_high_s8(left), vget_high_s8(bytes)));
}

std::uint32_t dot_nibbles_neon(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes) {
  int32x4_t sum = vdupq_n_s32(0);
  for (std::size_t i = 0; i < bytes; i += 16) {
    const uint8x16_t left = vld1q_u8(a + i);
    const uint8x16_t right = vld1q_u8(b + i);
    sum = add_products(sum, lower_halves(left), vreinterpretq_s8_u8(lower_halves(right)));
    sum = add_products(sum, upper_halves(left), vreinterpretq_s8_u8(upper_halves(right)));
  }
  return static_cast<std::uint32_t>(vaddvq_s32(sum));
}

std::int32_t dot_signed_nibbles_neon(const std::int8_t* a, const std::uint8_t* nibbles, std::size_t bytes) {
  int32x4_t sum = vdupq_n_s32(0);
  for (std::size_t line = 0; line < bytes; line += kNibbleLineBytes) {
    for (std::size_t i = 0; i < kNibbleLineBytes; i += 16) {
      const uint8x16_t both = vld1q_u8(nibbles + line + i);
      sum = add_products(sum, lower_halves(both), vld1q_s8(a + 2 * line + i));
      sum = add_products(sum, upper_halves(both), vld1q_s8(a + 2 * line + kNibbleLineBytes + i));
    }
  }
  return vaddvq_s32(sum);
}

void sums_where_neon(const std::uint64_t* planes, const std::uint64_t* rows, std::span<const std::uint32_t> which,
                     std::size_t words, std::uint32_t* sums) {
  for (const std::uint32_t row : which) {
    uint64x2_t sum = vdupq_n_u64(0);
    for (std::size_t plane = 0; plane < kPlanes; ++plane) {
      sum = vaddq_u64(sum, sum);
      for (std::size_t at = 0; at < words; at += 2) {
        sum = vaddq_u64(sum, common_bits(planes + plane * words + at, rows + row * words + at));
      }
    }
    *sums++ = static_cast<std::uint32_t>(vaddvq_u64(sum));
  }
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
    kernels.push_back({"AVX-512", dot_avx512, dot_pairs_avx512, dot_centred_bytes_avx512, dot_nibbles_avx512,
                       dot_signed_nibbles_avx512, sums_where_avx512, differing_bits_avx512});
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt")) {
    kernels.push_back({"AVX2", dot_avx2, dot_pairs_avx2, dot_centred_bytes_avx2, dot_nibbles_avx2,
                       dot_signed_nibbles_avx2, sums_where_avx2, differing_bits_avx2});
  }
#elif defined(__aarch64__)
  kernels.push_back({"NEON", dot_neon, dot_pairs_neon, dot_centred_bytes_neon, dot_nibbles_neon,
                     dot_signed_nibbles_neon, sums_where_neon, differing_bits_neon});
#endif
  kernels.push_back({"plain", dot_plain, dot_pairs_plain, dot_centred_bytes_plain, dot_nibbles_plain,
                     dot_signed_nibbles_plain, sums_where_plain, differing_bits_plain});
  return kernels;
}

float dot(const float* a, const float* b, std::size_t size) { return kBest.dot(a, b, size); }

std::uint64_t dot_pairs(Pairs a, Pairs b, std::size_t words) { return kBest.dot_pairs(a, b, words); }

std::int32_t dot_centred_bytes(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  return kBest.dot_centred_bytes(a, b, size);
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
