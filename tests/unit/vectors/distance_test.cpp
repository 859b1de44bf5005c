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

TEST_P(DistanceKernelsTest, MultipliesNumbersThatLieInPlanes) {
  for (const std::size_t index : {0U, 1U, 2U}) {
    const std::size_t planes = std::size_t{1} << index;
    for (const std::size_t words : {8U, 24U, 48U}) {
      const auto a = random_planes(planes * words, 1);
      const auto b = random_planes(planes * words, 2);
      std::uint64_t expected = 0;
      std::uint64_t expected_sum = 0;
      for (std::size_t at = 0; at < words * 64; ++at) {
        expected += number_at(a, planes, words, at) * number_at(b, planes, words, at);
        if (number_at(b, 1, words, at) == 1) expected_sum += number_at(a, planes, words, at);
      }
      EXPECT_EQ(GetParam().dot_planes[index](a.data(), b.data(), words), expected) << planes << " of " << words;
      EXPECT_EQ(GetParam().sum_where[index](a.data(), b.data(), words), expected_sum) << planes << " of " << words;
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
