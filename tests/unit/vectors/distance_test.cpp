#include "vectors/distance.h"

#include <gtest/gtest.h>

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

Planes planes_in(const std::vector<std::uint64_t>& bits, std::size_t words) {
  return {bits.data(), bits.data() + words};
}

TEST_P(DistanceKernelsTest, MultipliesNumbersThatLieInPlanes) {
  for (const std::size_t index : {0U, 1U}) {
    const std::size_t planes = index == 0 ? 2 : 4;
    for (const std::size_t words : {8U, 24U, 48U}) {
      const auto a = random_planes(planes * words, 1);
      const auto b = random_planes(planes * words, 2);
      std::uint64_t expected = 0;
      for (std::size_t at = 0; at < words * 64; ++at) {
        expected += number_at(a, planes, words, at) * number_at(b, planes, words, at);
      }
      EXPECT_EQ(GetParam().dot_planes[index](planes_in(a, words), planes_in(b, words), words), expected)
          << planes << " of " << words;
    }
  }
}

TEST_P(DistanceKernelsTest, AddsTheNumbersOfTwoBitsThatAreChosen) {
  for (const std::size_t words : {8U, 24U, 48U}) {
    const auto a = random_planes(2 * words, 1);
    const auto b = random_planes(words, 2);
    std::uint64_t expected = 0;
    for (std::size_t at = 0; at < words * 64; ++at) expected += number_at(b, 1, words, at) * number_at(a, 2, words, at);
    EXPECT_EQ(GetParam().sum_where(planes_in(a, words), b.data(), words), expected) << words;
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
  for (const std::size_t size : {64U, 1536U, 8192U}) {
    for (const bool largest : {false, true}) {
      std::vector<std::uint8_t> a(size, 255);
      std::vector<std::uint8_t> b(size, 255);
      std::uint32_t expected = 0;
      for (std::size_t i = 0; i < size; ++i) {
        if (!largest) a[i] = static_cast<std::uint8_t>(random());
        if (!largest) b[i] = static_cast<std::uint8_t>(random());
        expected += std::uint32_t{a[i]} * b[i];
      }
      EXPECT_EQ(GetParam().dot_bytes(a.data(), b.data(), size), expected) << size;
    }
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
