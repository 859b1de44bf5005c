#include "vectors/hnsw/distance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <ostream>
#include <random>

namespace tillite {

/// For the names of the tests.
void PrintTo(const DistanceKernels& kernels, std::ostream* out) { *out << kernels.name; }

namespace testing {
namespace {

std::vector<std::uint64_t> random_planes(std::size_t words, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> planes(words);
  for (auto& word : planes) word = random();
  return planes;
}

std::vector<float> random_floats(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(size);
  for (float& number : numbers) number = normal(random);
  return numbers;
}

/// The number whose bits lie in the planes at one place.
std::uint64_t number_at(const std::vector<std::uint64_t>& bits, std::size_t planes, std::size_t words, std::size_t at) {
  std::uint64_t number = 0;
  for (std::size_t plane = 0; plane < planes; ++plane) {
    number = 2 * number + ((bits[plane * words + at / 64] >> (at % 64)) & 1);
  }
  return number;
}

class DistanceKernelsTest : public ::testing::TestWithParam<DistanceKernels> {};

Pairs pairs_in(const std::vector<std::uint64_t>& bits, std::size_t words) { return {bits.data(), bits.data() + words}; }

TEST_P(DistanceKernelsTest, MultipliesNumbersOfTwoBits) {
  for (const std::size_t words : {8U, 24U, 48U}) {
    const auto a = random_planes(2 * words, 1);
    const auto b = random_planes(2 * words, 2);
    std::uint64_t expected = 0;
    for (std::size_t at = 0; at < words * 64; ++at) expected += number_at(a, 2, words, at) * number_at(b, 2, words, at);
    EXPECT_EQ(GetParam().dot_pairs(pairs_in(a, words), pairs_in(b, words), words), expected) << words;
  }
}

TEST_P(DistanceKernelsTest, AddsTheNumbersOfFourBitsThatEachRowChooses) {
  const std::vector<std::uint32_t> which = {2, 0, 3, 3, 1, 2, 0, 1, 1, 3, 0, 2, 2, 3, 1, 0, 0, 2};
  for (const std::size_t words : {8U, 16U, 24U, 32U, 48U}) {
    const auto a = random_planes(4 * words, 1);
    const auto rows = random_planes(4 * words, 2);
    std::vector<std::uint32_t> expected;
    for (const std::uint32_t row : which) {
      std::uint64_t sum = 0;
      for (std::size_t at = 0; at < words * 64; ++at) {
        sum += number_at(rows, 1, words, row * words * 64 + at) * number_at(a, 4, words, at);
      }
      expected.push_back(static_cast<std::uint32_t>(sum));
    }
    std::vector<std::uint32_t> sums(which.size());
    GetParam().sums_where(a.data(), rows.data(), which, words, sums.data());
    EXPECT_EQ(sums, expected) << words;
  }
}

std::vector<std::uint8_t> random_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::uint8_t> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

/// Number i of a line lies in the lower half of its byte i, number 64 + i in the upper half.
int nibble_at(const std::vector<std::uint8_t>& nibbles, std::size_t at) {
  const std::uint8_t both = nibbles[at / 128 * 64 + at % 64];
  return at % 128 < 64 ? both & 15 : both >> 4;
}

TEST_P(DistanceKernelsTest, MultipliesNibbles) {
  for (const std::size_t bytes : {64U, 768U, 4096U}) {
    for (const bool largest : {false, true}) {
      const auto a = largest ? std::vector<std::uint8_t>(bytes, 255) : random_bytes(bytes, 1);
      const auto b = largest ? std::vector<std::uint8_t>(bytes, 255) : random_bytes(bytes, 2);
      std::uint32_t expected = 0;
      for (std::size_t at = 0; at < 2 * bytes; ++at) {
        expected += static_cast<std::uint32_t>(nibble_at(a, at) * nibble_at(b, at));
      }
      EXPECT_EQ(GetParam().dot_nibbles(a.data(), b.data(), bytes), expected) << bytes;
    }
  }
}

TEST_P(DistanceKernelsTest, MultipliesSignedBytesAndNibbles) {
  for (const std::size_t bytes : {64U, 768U, 4096U}) {
    for (const bool lowest : {false, true}) {
      const auto nibbles = lowest ? std::vector<std::uint8_t>(bytes, 255) : random_bytes(bytes, 3);
      std::vector<std::int8_t> numbers(2 * bytes, -128);
      if (!lowest) std::ranges::copy(random_bytes(2 * bytes, 4), reinterpret_cast<std::uint8_t*>(numbers.data()));
      std::int32_t expected = 0;
      for (std::size_t at = 0; at < numbers.size(); ++at) expected += numbers[at] * nibble_at(nibbles, at);
      EXPECT_EQ(GetParam().dot_signed_nibbles(numbers.data(), nibbles.data(), bytes), expected) << bytes;
    }
  }
}

TEST_P(DistanceKernelsTest, CountsTheBitsThatDiffer) {
  const auto a = random_planes(24, 5);
  const auto b = random_planes(24, 6);
  std::uint32_t expected = 0;
  for (std::size_t at = 0; at < 24 * 64; ++at) expected += number_at(a, 1, 24, at) != number_at(b, 1, 24, at) ? 1 : 0;
  EXPECT_EQ(GetParam().differing_bits(a.data(), b.data(), 24), expected);
}

TEST_P(DistanceKernelsTest, MultipliesBytesUpToTheLargest) {
  std::mt19937_64 random(7);
  for (const std::size_t size : {64U, 192U, 1536U, 8192U, 65536U}) {
    for (const bool largest : {false, true}) {
      std::vector<std::uint8_t> a(size, 255);
      std::vector<std::uint8_t> b(size, 255);
      std::int32_t expected = 0;
      for (std::size_t i = 0; i < size; ++i) {
        if (!largest) a[i] = static_cast<std::uint8_t>(random());
        if (!largest) b[i] = static_cast<std::uint8_t>(random());
        expected += a[i] * (b[i] - kByteCentre);
      }
      EXPECT_EQ(GetParam().dot_centred_bytes(a.data(), b.data(), size), expected) << size;
    }
  }
}

TEST_P(DistanceKernelsTest, MultipliesSomeRowsWithManyColumns) {
  for (const bool largest : {false, true}) {
    const std::size_t size = 1536;
    const auto bytes =
        largest ? std::vector<std::uint8_t>(kMatrixRows * size, 255) : random_bytes(kMatrixRows * size, 1);
    std::vector<std::int8_t> numbers(11 * size, -128);
    if (!largest) std::ranges::copy(random_bytes(11 * size, 2), reinterpret_cast<std::uint8_t*>(numbers.data()));
    for (const std::size_t rows : {1U, 3U, 4U, 13U, 16U}) {
      for (const std::size_t columns : {0U, 1U, 4U, 6U, 11U}) {
        std::vector<const std::uint8_t*> row_starts;
        std::vector<const std::int8_t*> column_starts;
        for (std::size_t row = 0; row < rows; ++row) row_starts.push_back(bytes.data() + row * size);
        for (std::size_t column = 0; column < columns; ++column)
          column_starts.push_back(numbers.data() + column * size);
        std::vector<std::int32_t> products(kMatrixRows * columns);
        GetParam().dot_matrix(row_starts, column_starts, size, products.data());
        for (std::size_t column = 0; column < columns; ++column) {
          for (std::size_t row = 0; row < rows; ++row) {
            const std::int32_t expected =
                std::inner_product(row_starts[row], row_starts[row] + size, column_starts[column], 0);
            EXPECT_EQ(products[kMatrixRows * column + row], expected) << rows << ' ' << columns;
          }
        }
      }
    }
  }
}

TEST_P(DistanceKernelsTest, KeepsWhatIsWithinALimitInItsOrder) {
  std::mt19937_64 random(8);
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 100U}) {
    std::vector<float> distances(size);
    std::vector<std::uint32_t> nodes(size);
    std::ranges::generate(distances, [&] { return static_cast<float>(random() % 5); });
    std::ranges::generate(nodes, [&] { return static_cast<std::uint32_t>(random()); });
    std::vector<std::pair<float, std::uint32_t>> expected;
    for (std::size_t i = 0; i < size; ++i) {
      if (distances[i] <= 2) expected.emplace_back(distances[i], nodes[i]);
    }
    const auto first = [&](std::size_t count, const auto& of_distances, const auto& of_nodes) {
      std::vector<std::pair<float, std::uint32_t>> kept;
      for (std::size_t i = 0; i < count; ++i) kept.emplace_back(of_distances[i], of_nodes[i]);
      return kept;
    };
    std::vector<float> kept_distances(size + kMatrixRows);
    std::vector<std::uint32_t> kept_nodes(size + kMatrixRows);
    const std::size_t kept =
        GetParam().keep_within(2, distances, nodes.data(), kept_distances.data(), kept_nodes.data());
    EXPECT_EQ(first(kept, kept_distances, kept_nodes), expected);
    const std::size_t in_place = GetParam().keep_within(2, distances, nodes.data(), distances.data(), nodes.data());
    EXPECT_EQ(first(in_place, distances, nodes), expected);
  }
}

TEST_P(DistanceKernelsTest, MultipliesFloatsOfAnySize) {
  for (const std::size_t size : {1U, 15U, 64U, 100U, 1536U}) {
    const auto a = random_floats(size, 3);
    const auto b = random_floats(size, 4);
    double expected = 0;
    for (std::size_t i = 0; i < size; ++i) expected += double{a[i]} * b[i];
    EXPECT_NEAR(GetParam().dot(a.data(), b.data(), size), expected, 1e-3) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(OfThisMachine, DistanceKernelsTest, ::testing::ValuesIn(distance_kernels()),
                         [](const auto& kernels) {
                           std::string name = kernels.param.name;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace testing
}  // namespace tillite
