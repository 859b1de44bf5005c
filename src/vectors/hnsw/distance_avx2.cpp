#if defined(__x86_64__)
// Vectors compared by AVX2 with FMA.
#include <immintrin.h>

#include "vectors/hnsw/distance_kernels.h"

#define TILLITE_AVX2 __attribute__((target("avx2,fma,popcnt")))

namespace tillite {
namespace {

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

TILLITE_AVX2 void dot_matrix_avx2(std::span<const std::uint8_t* const> rows,
                                  std::span<const std::int8_t* const> columns, std::size_t size,
                                  std::int32_t* products) {
  for (std::size_t column = 0; column < columns.size(); ++column) {
    for (std::size_t row = 0; row < rows.size(); ++row) {
      __m256i sum = _mm256_setzero_si256();  // of 32-bit numbers
      for (std::size_t i = 0; i < size; i += 16) {
        const __m256i left = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[row] + i)));
        const __m256i right =
            _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(columns[column] + i)));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(left, right));
      }
      products[kMatrixRows * column + row] = sum_of_eight(sum);
    }
  }
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

}  // namespace

DistanceKernels avx2_kernels() {
  return {.name = "AVX2",
          .dot = dot_avx2,
          .dot_pairs = dot_pairs_avx2,
          .dot_centred_bytes = dot_centred_bytes_avx2,
          .dot_matrix = dot_matrix_avx2,
          .keep_within = plain_kernels().keep_within,
          .dot_nibbles = dot_nibbles_avx2,
          .dot_signed_nibbles = dot_signed_nibbles_avx2,
          .sums_where = sums_where_avx2,
          .differing_bits = differing_bits_avx2};
}

}  // namespace tillite
#endif
