#include "vectors/codes.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "vectors/distance.h"

namespace tillite {
namespace {

constexpr float kCodeMax = 127;
constexpr std::size_t kLineBytes = 64;  // of the machine's cache
constexpr std::size_t kWordBits = 64;

std::size_t rounded_up(std::size_t size, std::size_t step) { return (size + step - 1) / step * step; }

void prefetch_lines(const void* begin, std::size_t bytes) {
  const auto* line = static_cast<const std::byte*>(begin);
  for (std::size_t at = 0; at < bytes; at += kLineBytes) __builtin_prefetch(line + at);
}

}  // namespace

Codes::Codes(std::vector<float> centre, std::uint64_t seed)
    : centre_(std::move(centre)),
      rotation_(centre_.size(), seed),
      number_count_(rounded_up(centre_.size(), kLineBytes)),
      words_(rounded_up(centre_.size(), kWordBits) / kWordBits) {}

void Codes::reserve(std::size_t count) {
  numbers_.reserve(count * number_count_);
  signs_.reserve(count * words_);
  scales_.reserve(count);
  squares_.reserve(count);
}

void Codes::resize(std::size_t count) {
  numbers_.resize(count * number_count_);
  signs_.resize(count * words_);
  scales_.resize(count);
  squares_.resize(count);
}

void Codes::encode(Node code, std::span<const float> vector) {
  check(vector.size() == dimensions(), "codes are made of vectors of one size");
  std::vector<float> rotated(vector.begin(), vector.end());
  for (std::size_t i = 0; i < rotated.size(); ++i) rotated[i] -= centre_[i];
  rotation_.apply(rotated);

  float largest = 0;
  for (const float number : rotated) largest = std::max(largest, std::abs(number));
  const float scale = largest > 0 ? largest / kCodeMax : 1;
  const float inverse = 1 / scale;
  std::int8_t* numbers = numbers_.data() + code * number_count_;
  for (std::size_t i = 0; i < rotated.size(); ++i) {
    const float shifted = rotated[i] * inverse + 128.5F;  // positive, so that cutting rounds
    numbers[i] = static_cast<std::int8_t>(static_cast<std::int32_t>(shifted) - 128);
  }
  std::uint64_t* signs = signs_.data() + code * words_;
  std::fill_n(signs, words_, 0);
  for (std::size_t i = 0; i < rotated.size(); ++i) {
    signs[i / kWordBits] |= std::uint64_t{rotated[i] > 0} << (i % kWordBits);
  }
  scales_[code] = scale;
  squares_[code] = scale * scale * static_cast<float>(dot(numbers, numbers, number_count_));
}

float Codes::distance(Node a, Node b) const {
  const auto product = static_cast<float>(dot(numbers(a), numbers(b), number_count_));
  return squares_[a] + squares_[b] - 2 * scales_[a] * scales_[b] * product;
}

std::uint32_t Codes::signs_apart(Node a, Node b) const { return hamming(signs(a), signs(b), words_); }

void Codes::prefetch(Node code) const { prefetch_lines(numbers(code), number_count_); }
void Codes::prefetch_signs(Node code) const { prefetch_lines(signs(code), words_ * sizeof(std::uint64_t)); }

}  // namespace tillite
