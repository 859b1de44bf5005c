#include "vectors/codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "vectors/distance.h"

namespace tillite {
namespace {

constexpr std::size_t kLineBytes = 64;  // of the machine's cache
constexpr std::size_t kWordBits = 64;
constexpr std::size_t kByteBits = 8;

/// The best distance between the levels of normal numbers of variance 1.
float best_step(std::size_t planes) { return planes == 1 ? 1.5958F : planes == 2 ? 0.9957F : 0.3352F; }

void prefetch_lines(const void* begin, std::size_t bytes) {
  const auto* line = static_cast<const std::byte*>(begin);
  for (std::size_t at = 0; at < bytes; at += kLineBytes) __builtin_prefetch(line + at);
}

/// Bit `place` of eight bytes, the first byte's lowest.
std::uint64_t gathered_bits(std::uint64_t bytes, std::size_t place) {
  constexpr std::uint64_t kLowest = 0x0101'0101'0101'0101;
  constexpr std::uint64_t kGather = 0x0102'0408'1020'4080;
  return (((bytes >> place) & kLowest) * kGather) >> (kWordBits - kByteBits);
}

std::size_t words_of(std::size_t dimensions) {
  constexpr std::size_t kStepBits = kPlaneWordsStep * kWordBits;
  return (dimensions + kStepBits - 1) / kStepBits * kPlaneWordsStep;
}

}  // namespace

Codes::Codes(std::vector<float> centre, std::size_t planes, std::uint64_t seed)
    : centre_(std::move(centre)), rotation_(centre_.size(), seed), planes_(planes), words_(words_of(centre_.size())) {
  check(planes == 1 || planes == 2 || planes == 4, "a code has 1, 2 or 4 planes");
}

void Codes::reserve(std::size_t count) {
  bits_.reserve(count * planes_ * words_);
  facts_.reserve(count);
}

void Codes::resize(std::size_t count) {
  bits_.resize(count * planes_ * words_);
  facts_.resize(count);
}

void Codes::encode(Node code, std::span<const float> vector) {
  check(vector.size() == dimensions(), "codes are made of vectors of one size");
  std::vector<float> rotated(vector.size());
  for (std::size_t i = 0; i < rotated.size(); ++i) rotated[i] = vector[i] - centre_[i];
  rotation_.apply(rotated);

  const float square = dot(rotated.data(), rotated.data(), rotated.size());
  const float spread = std::sqrt(square / static_cast<float>(rotated.size()));
  const float step = spread > 0 ? best_step(planes_) * spread : 1;
  const float inverse = 1 / step;
  const auto highest = static_cast<float>((1U << planes_) - 1);
  const auto half = static_cast<float>(1U << (planes_ - 1));
  std::vector<std::uint8_t> levels(words_ * kWordBits);
  std::uint32_t sum = 0;
  std::uint32_t positives = 0;
  for (std::size_t i = 0; i < rotated.size(); ++i) {
    const float level = std::min(std::max(rotated[i] * inverse + half, 0.0F), highest);
    levels[i] = static_cast<std::uint8_t>(level);
    sum += levels[i];
    positives += levels[i] >> (planes_ - 1);
  }

  std::uint64_t* bits = bits_.data() + code * planes_ * words_;
  std::fill_n(bits, planes_ * words_, 0);
  for (std::size_t i = 0; i < levels.size(); i += kByteBits) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, levels.data() + i, sizeof bytes);
    for (std::size_t plane = 0; plane < planes_; ++plane) {
      bits[plane * words_ + i / kWordBits] |= gathered_bits(bytes, planes_ - 1 - plane) << (i % kWordBits);
    }
  }
  Facts& facts = facts_[code];
  facts = {
      .step = step, .square = 0, .sum = static_cast<float>(sum), .positives = static_cast<float>(positives), .sign = 1};
  facts.square = product(code, code);
  facts.sign = facts.square / product_with_signs(code, code);
}

/// A level l stands for (l + 1/2 - half) * step.
float Codes::product(Node a, Node b) const {
  const float shift = 0.5F - static_cast<float>(1U << (planes_ - 1));
  const auto levels = static_cast<float>(dot_planes(planes_of(a), planes_of(b), planes_, words_));
  const float numbers =
      levels + shift * (facts_[a].sum + facts_[b].sum) + shift * shift * static_cast<float>(dimensions());
  return facts_[a].step * facts_[b].step * numbers;
}

/// A sign stands for +1 or -1 times what Facts::sign says.
float Codes::product_with_signs(Node a, Node b) const {
  const auto positive = static_cast<float>(sum_where(planes_of(a), planes_of(b), planes_, words_));
  const float shift = 0.5F - static_cast<float>(1U << (planes_ - 1));
  const float of_positive = positive + shift * facts_[b].positives;
  const float of_all = facts_[a].sum + shift * static_cast<float>(dimensions());
  return facts_[a].step * facts_[b].sign * (2 * of_positive - of_all);
}

float Codes::rough_distance(Node a, Node b) const {
  return std::max(facts_[a].square + facts_[b].square - 2 * product_with_signs(a, b), 0.0F);
}

float Codes::distance(Node a, Node b) const {
  return std::max(facts_[a].square + facts_[b].square - 2 * product(a, b), 0.0F);
}

void Codes::prefetch(Node code) const { prefetch_lines(planes_of(code), planes_ * words_ * sizeof(std::uint64_t)); }
void Codes::prefetch_signs(Node code) const { prefetch_lines(planes_of(code), words_ * sizeof(std::uint64_t)); }

}  // namespace tillite
