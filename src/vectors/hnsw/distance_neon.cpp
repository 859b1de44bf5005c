#if defined(__aarch64__)
// Vectors compared by NEON.
#include <arm_neon.h>

#include "vectors/hnsw/distance_kernels.h"

namespace tillite {
namespace {

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

void dot_matrix_neon(std::span<const std::uint8_t* const> rows, std::span<const std::int8_t* const> columns,
                     std::size_t size, std::int32_t* products) {
  for (std::size_t column = 0; column < columns.size(); ++column) {
    for (std::size_t row = 0; row < rows.size(); ++row) {
      int32x4_t sum = vdupq_n_s32(0);
      for (std::size_t i = 0; i < size; i += 8) {
        const int16x8_t left = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(rows[row] + i)));
        const int16x8_t right = vmovl_s8(vld1_s8(columns[column] + i));
        sum = vmlal_s16(sum, vget_low_s16(left), vget_low_s16(right));
        sum = vmlal_s16(sum, vget_high_s16(left), vget_high_s16(right));
      }
      products[kMatrixRows * column + row] = vaddvq_s32(sum);
    }
  }
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

}  // namespace

DistanceKernels neon_kernels() {
  return {.name = "NEON",
          .dot = dot_neon,
          .dot_pairs = dot_pairs_neon,
          .dot_centred_bytes = dot_centred_bytes_neon,
          .dot_matrix = dot_matrix_neon,
          .keep_within = plain_kernels().keep_within,
          .dot_nibbles = dot_nibbles_neon,
          .dot_signed_nibbles = dot_signed_nibbles_neon,
          .sums_where = sums_where_neon,
          .differing_bits = differing_bits_neon};
}

}  // namespace tillite
#endif
