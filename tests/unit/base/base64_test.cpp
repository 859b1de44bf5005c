#include "base/base64.h"

#include <gtest/gtest.h>

#include <random>

#include "base/bytes.h"

namespace tillite {
namespace {

std::vector<std::byte> any_bytes(std::size_t size, std::mt19937& random) {
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 0xff);
  return bytes;
}

std::optional<std::vector<std::byte>> read(std::string_view text) {
  const auto size = base64_size(text);
  if (!size) return std::nullopt;
  std::vector<std::byte> bytes(*size);
  if (!read_base64(text, bytes)) return std::nullopt;
  return bytes;
}

/// Character by character, as the RFC tells it.
bool is_of_alphabet(int character) {
  return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
         (character >= '0' && character <= '9') || character == '+' || character == '/';
}

TEST(Base64, HasTheTextsOfTheRfc) {
  const std::vector<std::pair<std::string_view, std::string_view>> examples = {{"", ""},
                                                                               {"f", "Zg=="},
                                                                               {"fo", "Zm8="},
                                                                               {"foo", "Zm9v"},
                                                                               {"foob", "Zm9vYg=="},
                                                                               {"fooba", "Zm9vYmE="},
                                                                               {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    EXPECT_EQ(base64_of(as_bytes(bytes)), text);
    const auto back = read(text);
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(as_text(*back), bytes);
  }
}

TEST(Base64, IsReadBackAtEveryLengthWithAndWithoutPadding) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    const auto bytes = any_bytes(size, random);
    std::string text = base64_of(bytes);
    EXPECT_EQ(read(text), bytes) << size;
    while (text.ends_with('=')) text.pop_back();
    EXPECT_EQ(read(text), bytes) << size << " without padding";
  }
}

TEST(Base64, RefusesEveryOtherCharacterAtEveryPlace) {
  std::mt19937 random(2);
  const std::string good = base64_of(any_bytes(150, random));
  ASSERT_EQ(good.size(), 200U);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string text = good;
    for (int character = 0; character < 256; ++character) {
      // At the end it is padding, which has a test of its own.
      if (character == '=' && at + 1 == good.size()) continue;
      text[at] = static_cast<char>(character);
      EXPECT_EQ(read(text).has_value(), is_of_alphabet(character)) << "character " << character << " at " << at;
    }
  }
}

TEST(Base64, RefusesImpossibleLengthsPartialPaddingAndBitsThatAreLeftOver) {
  for (const std::string_view text : {"A",   "AAAAA", "=",     "==",     "====",     "A=",       "A==",      "A===",
                                      "AA=", "AAA==", "AAAA=", "AAAA==", "AA==AAAA", "AAA=AAAA", "AAAA====", "AB==",
                                      "AB",  "AAB=",  "AAB",   "AA ==",  " AAAA",    "AAAA\n",   "AA\nAA",   "A-_A"}) {
    EXPECT_FALSE(read(text)) << text;
  }
}

TEST(Base64, HasOneResultByEveryWayOfThisMachine) {
  std::mt19937 random(3);
  const auto kernels = base64_kernels();
  const Base64Kernel& plain = kernels.back();
  for (std::size_t size = 0; size < 260; ++size) {
    std::string text = base64_of(any_bytes(size, random));
    while (text.ends_with('=')) text.pop_back();
    if (size % 3 == 2 && !text.empty()) text[random() % text.size()] = '!';
    std::vector<std::byte> expected(text.size());
    const std::size_t good = plain.read_groups(text.data(), text.size(), expected.data());
    expected.resize(good / 4 * 3);
    for (const Base64Kernel& kernel : kernels) {
      // Places for what the text holds and no more: a write beyond is an error of the sanitizer.
      std::vector<std::byte> bytes(text.size() / 4 * 3);
      const std::size_t at = kernel.read_groups(text.data(), text.size(), bytes.data());
      EXPECT_EQ(at % 4, 0U) << kernel.name;
      EXPECT_LE(at, good) << kernel.name;
      EXPECT_GE(at + 128, std::min(good, text.size())) << kernel.name << " gives up too early";
      bytes.resize(at / 4 * 3);
      EXPECT_TRUE(std::ranges::equal(bytes, std::span(expected).first(bytes.size()))) << kernel.name << " at " << size;
    }
  }
}

}  // namespace
}  // namespace tillite
