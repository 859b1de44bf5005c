#if defined(__x86_64__)
// Vectors compared by AVX-512 with VPOPCNTDQ and VNNI.
#include <immintrin.h>

#include <algorithm>
#include <bit>

#include "vectors/hnsw/distance_kernels.h"

#define TILLITE_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vpopcntdq,avx512vnni")))

namespace tillite {
namespace {

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

constexpr std::size_t kTile = 4;  // rows and columns whose sums fit the registers
/// In each of the four quarters of a register: sums of what the four have in it.
TILLITE_AVX512 inline __m512i sums_of_quarters(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
}

/// The quarters of both, each two next to each other added.
TILLITE_AVX512 inline __m512i added_quarters(__m512i a, __m512i b) {
  return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
}

/// Four rows with four columns, in sixteen lanes each. A variable for each sum, and nothing but a store after the loop:
/// else the compiler copies them in every round.
TILLITE_AVX512 __attribute__((noinline)) void add_tile(const std::uint8_t* const (&rows)[kTile],
                                                       const std::int8_t* const (&columns)[kTile], std::size_t size,
                                                       __m512i (&sums)[kTile * kTile]) {
  __m512i a0 = _mm512_setzero_si512(), a1 = _mm512_setzero_si512(), a2 = _mm512_setzero_si512(),
          a3 = _mm512_setzero_si512();
  __m512i b0 = _mm512_setzero_si512(), b1 = _mm512_setzero_si512(), b2 = _mm512_setzero_si512(),
          b3 = _mm512_setzero_si512();
  __m512i c0 = _mm512_setzero_si512(), c1 = _mm512_setzero_si512(), c2 = _mm512_setzero_si512(),
          c3 = _mm512_setzero_si512();
  __m512i d0 = _mm512_setzero_si512(), d1 = _mm512_setzero_si512(), d2 = _mm512_setzero_si512(),
          d3 = _mm512_setzero_si512();
  for (std::size_t at = 0; at < size; at += kBytesStep) {
    const __m512i column_0 = _mm512_loadu_si512(columns[0] + at);
    const __m512i column_1 = _mm512_loadu_si512(columns[1] + at);
    const __m512i column_2 = _mm512_loadu_si512(columns[2] + at);
    const __m512i column_3 = _mm512_loadu_si512(columns[3] + at);
    const __m512i row_a = _mm512_loadu_si512(rows[0] + at);
    a0 = _mm512_dpbusd_epi32(a0, row_a, column_0);
    a1 = _mm512_dpbusd_epi32(a1, row_a, column_1);
    a2 = _mm512_dpbusd_epi32(a2, row_a, column_2);
    a3 = _mm512_dpbusd_epi32(a3, row_a, column_3);
    const __m512i row_b = _mm512_loadu_si512(rows[1] + at);
    b0 = _mm512_dpbusd_epi32(b0, row_b, column_0);
    b1 = _mm512_dpbusd_epi32(b1, row_b, column_1);
    b2 = _mm512_dpbusd_epi32(b2, row_b, column_2);
    b3 = _mm512_dpbusd_epi32(b3, row_b, column_3);
    const __m512i row_c = _mm512_loadu_si512(rows[2] + at);
    c0 = _mm512_dpbusd_epi32(c0, row_c, column_0);
    c1 = _mm512_dpbusd_epi32(c1, row_c, column_1);
    c2 = _mm512_dpbusd_epi32(c2, row_c, column_2);
    c3 = _mm512_dpbusd_epi32(c3, row_c, column_3);
    const __m512i row_d = _mm512_loadu_si512(rows[3] + at);
    d0 = _mm512_dpbusd_epi32(d0, row_d, column_0);
    d1 = _mm512_dpbusd_epi32(d1, row_d, column_1);
    d2 = _mm512_dpbusd_epi32(d2, row_d, column_2);
    d3 = _mm512_dpbusd_epi32(d3, row_d, column_3);
  }
  sums[0] = a0;
  sums[1] = a1;
  sums[2] = a2;
  sums[3] = a3;
  sums[4] = b0;
  sums[5] = b1;
  sums[6] = b2;
  sums[7] = b3;
  sums[8] = c0;
  sums[9] = c1;
  sums[10] = c2;
  sums[11] = c3;
  sums[12] = d0;
  sums[13] = d1;
  sums[14] = d2;
  sums[15] = d3;
}

/// The lanes of each of sixteen added: a quarter of the register for each column.
TILLITE_AVX512 inline __m512i sums_of_lanes(const __m512i (&of)[kTile * kTile]) {
  const auto column = [&](std::size_t i)
                          TILLITE_AVX512 { return sums_of_quarters(of[i], of[i + 4], of[i + 8], of[i + 12]); };
  return added_quarters(added_quarters(column(0), column(1)), added_quarters(column(2), column(3)));
}

/// Rows stay in the nearest cache while all columns pass by. Where a tile has too few rows or columns, the last ones
/// stand in for those that are missing.
TILLITE_AVX512 void dot_matrix_avx512(std::span<const std::uint8_t* const> rows,
                                      std::span<const std::int8_t* const> columns, std::size_t size,
                                      std::int32_t* products) {
  for (std::size_t column = 0; column < columns.size(); column += kTile) {
    const std::int8_t* some_columns[kTile];
    for (std::size_t i = 0; i < kTile; ++i) some_columns[i] = columns[std::min(column + i, columns.size() - 1)];
    for (std::size_t row = 0; row < rows.size(); row += kTile) {
      const std::uint8_t* some_rows[kTile];
      for (std::size_t i = 0; i < kTile; ++i) some_rows[i] = rows[std::min(row + i, rows.size() - 1)];
      __m512i lanes[kTile * kTile];
      add_tile(some_rows, some_columns, size, lanes);
      alignas(64) std::int32_t sums[kTile][kTile];
      _mm512_store_si512(sums, sums_of_lanes(lanes));
      for (std::size_t i = 0; i < std::min(kTile, columns.size() - column); ++i) {
        std::copy_n(sums[i], kTile, products + kMatrixRows * (column + i) + row);
      }
    }
  }
}

TILLITE_AVX512 std::size_t keep_within_avx512(float limit, std::span<const float> distances, const std::uint32_t* nodes,
                                              float* to_distances, std::uint32_t* to_nodes) {
  constexpr std::size_t kLanes = 16;
  const __m512 limits = _mm512_set1_ps(limit);
  std::size_t count = 0;
  for (std::size_t i = 0; i < distances.size(); i += kLanes) {
    const std::size_t lanes = std::min(kLanes, distances.size() - i);
    const auto some = static_cast<__mmask16>((1U << lanes) - 1);
    const __m512 of = _mm512_maskz_loadu_ps(some, distances.data() + i);
    const __mmask16 within = _mm512_mask_cmp_ps_mask(some, of, limits, _CMP_LE_OQ);
    if (within == 0) continue;
    const __m512i named = _mm512_maskz_loadu_epi32(some, nodes + i);
    _mm512_mask_compressstoreu_ps(to_distances + count, within, of);
    _mm512_mask_compressstoreu_epi32(to_nodes + count, within, named);
    count += static_cast<std::size_t>(std::popcount(static_cast<unsigned>(within)));
  }
  return count;
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

}  // namespace

DistanceKernels avx512_kernels() {
  return {.name = "AVX-512",
          .dot = dot_avx512,
          .dot_pairs = dot_pairs_avx512,
          .dot_centred_bytes = dot_centred_bytes_avx512,
          .dot_matrix = dot_matrix_avx512,
          .keep_within = keep_within_avx512,
          .dot_nibbles = dot_nibbles_avx512,
          .dot_signed_nibbles = dot_signed_nibbles_avx512,
          .sums_where = sums_where_avx512,
          .differing_bits = differing_bits_avx512};
}

}  // namespace tillite
#endif
