#include "embedding/number_list.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace tillite {
namespace {

/// The list's numbers, if it is one to its last character.
std::optional<std::vector<float>> read(const std::string& text, std::size_t places = 64) {
  std::vector<float> numbers(places);
  const auto list = read_number_list(text, numbers);
  if (!list || list->characters != text.size() || list->numbers > places) return std::nullopt;
  numbers.resize(list->numbers);
  return numbers;
}

float nearest(const std::string& text) {
  double value = 0;
  EXPECT_EQ(std::from_chars(text.data(), text.data() + text.size(), value).ptr, text.data() + text.size()) << text;
  return static_cast<float>(value);
}

/// Read with another number behind it, so that eight characters can be read at once, and alone at the end of the text.
void expect_nearest(const std::string& number) {
  const auto expected = std::bit_cast<std::uint32_t>(nearest(number));
  const auto followed = read("[" + number + ",12345678]");
  ASSERT_TRUE(followed) << number;
  EXPECT_EQ(std::bit_cast<std::uint32_t>(followed->at(0)), expected) << number;
  const auto alone = read("[" + number + "]");
  ASSERT_TRUE(alone) << number;
  EXPECT_EQ(std::bit_cast<std::uint32_t>(alone->at(0)), expected) << number;
}

TEST(NumberLists, AreReadWithTheirBlanksAndCounted) {
  EXPECT_EQ(read("[]"), std::vector<float>());
  EXPECT_EQ(read("[ \t\r]"), std::vector<float>());
  EXPECT_EQ(read("[1]"), (std::vector<float>{1}));
  EXPECT_EQ(read("[ 1.5 ,\t-2e2\r, 0.25E-1 , 1e+1]"), (std::vector<float>{1.5F, -200, 0.025F, 10}));
  std::vector<float> places(2);
  const auto list = read_number_list("[1,2,3,4] and more", places);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->numbers, 4U);
  EXPECT_EQ(list->characters, 9U);
  EXPECT_EQ(places, (std::vector<float>{1, 2}));
}

TEST(NumberLists, RefuseWhatJsonDoesNotHaveAndWhatIsNotPlain) {
  for (const char* text : {"",        "1",       "[",       "[1",         "[1,",      "[1,]",
                           "[,1]",    "[1 2]",   "[+1]",    "[.5]",       "[1.]",     "[-]",
                           "[01]",    "[-01.5]", "[1e]",    "[1e+]",      "[1.e5]",   "[0x10]",
                           "[nan]",   "[NaN]",   "[inf]",   "[Infinity]", "[-inf]",   "[1,null]",
                           "[true]",  "[[1]]",   "[\"1\"]", "[1e400]",    "[-1e400]", "[12345678901234567890]",
                           "[1.5.5]", "[1e5.5]", "[1 e5]",  "[- 1]",      "{1}"}) {
    EXPECT_FALSE(read(text)) << text;
  }
}

TEST(NumberLists, HoldTheSignOfAZeroOnlyIfItHasAPoint) {
  const auto zeros = read("[-0,-0.0,0.0,-0e3]");
  ASSERT_TRUE(zeros);
  EXPECT_FALSE(std::signbit(zeros->at(0))) << "an integer has one zero";
  EXPECT_TRUE(std::signbit(zeros->at(1)));
  EXPECT_FALSE(std::signbit(zeros->at(2)));
  EXPECT_TRUE(std::signbit(zeros->at(3)));
}

TEST(NumberLists, HoldTheNearestNumberOfEveryKindOfText) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal(0, 0.03);
  for (int i = 0; i < 20'000; ++i) {
    const double value = normal(random);
    expect_nearest(fmt::format("{:#}", static_cast<float>(value)));
    expect_nearest(fmt::format("{:#}", value));
    expect_nearest(fmt::format("{:.{}f}", value, random() % 30 + 1));
    expect_nearest(fmt::format("{:.{}e}", value, random() % 25 + 1));
    expect_nearest(fmt::format("{}.{:0{}}e{}", random() % 1000, random() >> random() % 64, random() % 25 + 1,
                               static_cast<int>(random() % 120) - 60));
  }
}

TEST(NumberLists, HoldTheNearestNumberBesideAndInTheMiddleOfTwoFloats) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 5'000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random() % 0x7f000000);  // of a finite float, small ones included
    const double low = std::bit_cast<float>(bits);
    const double middle = (low + double{std::bit_cast<float>(bits + 1)}) / 2;
    for (const double near : {middle, std::nextafter(middle, 0.0), std::nextafter(middle, 1e39), low}) {
      expect_nearest(fmt::format("{:.16e}", near));
      expect_nearest(fmt::format("{:.18e}", near));
      expect_nearest(fmt::format("{:.60e}", near));
    }
  }
}

TEST(NumberLists, HoldIntegersAsDoublesDo) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const auto value = static_cast<std::int64_t>(random() % 1'000'000'000'000'000'000 >> random() % 60);
    for (const std::int64_t signed_value : {value, -value}) {
      const auto numbers = read(fmt::format("[{}]", signed_value));
      ASSERT_TRUE(numbers) << signed_value;
      EXPECT_EQ(numbers->at(0), static_cast<float>(static_cast<double>(signed_value))) << signed_value;
    }
  }
}

}  // namespace
}  // namespace tillite
