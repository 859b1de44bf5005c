// Vectors compared in plain C++.
#include <bit>

#include "vectors/hnsw/distance_kernels.h"

namespace tillite {
namespace {

float dot_plain(const float* a, const float* b, std::size_t size) { return dot_rest(a, b, 0, size); }

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

void dot_matrix_plain(std::span<const std::uint8_t* const> rows, std::span<const std::int8_t* const> columns,
                      std::size_t size, std::int32_t* products) {
  for (std::size_t column = 0; column < columns.size(); ++column) {
    for (std::size_t row = 0; row < rows.size(); ++row) {
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < size; ++i) sum += rows[row][i] * columns[column][i];
      products[kMatrixRows * column + row] = sum;
    }
  }
}

/// Without a jump: whether one is within is as good as random.
std::size_t keep_within_plain(float limit, std::span<const float> distances, const std::uint32_t* nodes,
                              float* to_distances, std::uint32_t* to_nodes) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < distances.size(); ++i) {
    const float distance = distances[i];
    to_nodes[count] = nodes[i];
    to_distances[count] = distance;
    count += distance <= limit ? 1 : 0;
  }
  return count;
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

}  // namespace

DistanceKernels plain_kernels() {
  return {.name = "plain",
          .dot = dot_plain,
          .dot_pairs = dot_pairs_plain,
          .dot_centred_bytes = dot_centred_bytes_plain,
          .dot_matrix = dot_matrix_plain,
          .keep_within = keep_within_plain,
          .dot_nibbles = dot_nibbles_plain,
          .dot_signed_nibbles = dot_signed_nibbles_plain,
          .sums_where = sums_where_plain,
          .differing_bits = differing_bits_plain};
}

}  // namespace tillite
