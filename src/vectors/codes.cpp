#include "vectors/codes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>

#include "base/check.h"

namespace tillite {
namespace {

constexpr std::size_t kLineBytes = 64;  // of the machine's cache
constexpr std::size_t kWordBits = 64;
constexpr std::size_t kByteBits = 8;
constexpr std::size_t kAsBytes = 8;  // bits of a number that is kept as a byte, not as planes

constexpr float kFactMax = 1e9F;

constexpr float kShiftOfTwoBits = 0.5F - 2;

float sum_of_absolutes(std::span<const float> numbers) {
  float sum = 0;
  for (const float number : numbers) sum += std::abs(number);
  return sum;
}

/// The best distance between the levels of normal numbers of variance 1.
float best_step(std::size_t bits) {
  switch (bits) {
    case 1:
      return 1.5958F;
    case 2:
      return 0.9957F;
    case 4:
      return 0.3352F;
    default:
      return 0.0308F;
  }
}

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

/// One plane of numbers of up to 8 bits.
void put_plane(std::span<const std::uint8_t> bytes, std::size_t place, std::uint64_t* plane) {
  for (std::size_t i = 0; i < bytes.size(); i += kWordBits) {
    std::uint64_t word = 0;
    for (std::size_t j = 0; j < kWordBits; j += kByteBits) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, bytes.data() + i + j, sizeof eight);
      word |= gathered_bits(eight, place) << j;
    }
    plane[i / kWordBits] = word;
  }
}

/// Numbers as levels. A level l stands for (l + 1/2 - half) * step.
struct Levels {
  std::vector<std::uint8_t> bytes;  ///< 0 after the last
  float step = 1;
  float sum = 0;
};

Levels levels_of(std::span<const float> numbers, std::size_t bits, std::size_t size) {
  Levels levels{.bytes = std::vector<std::uint8_t>(size)};
  const float square = dot(numbers.data(), numbers.data(), numbers.size());
  const float spread = std::sqrt(square / static_cast<float>(numbers.size()));
  if (spread > 0) levels.step = best_step(bits) * spread;
  const float inverse = 1 / levels.step;
  const auto highest = static_cast<float>((1U << bits) - 1);
  const auto half = static_cast<float>(1U << (bits - 1));
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const float level = std::min(std::max(numbers[i] * inverse + half, 0.0F), highest);
    levels.bytes[i] = static_cast<std::uint8_t>(level);
    sum += levels.bytes[i];
  }
  levels.sum = static_cast<float>(sum);
  return levels;
}

std::size_t words_of(std::size_t dimensions) {
  constexpr std::size_t kStepBits = kPlaneWordsStep * kWordBits;
  return (dimensions + kStepBits - 1) / kStepBits * kPlaneWordsStep;
}

std::size_t rest_bytes_of(std::size_t dimensions, std::size_t bits) {
  if (bits == kAsBytes) return (dimensions + kBytesStep - 1) / kBytesStep * kBytesStep;
  return (bits - 1) * words_of(dimensions) * sizeof(std::uint64_t);
}

std::vector<float> cosines(std::size_t dimensions) {
  std::vector<float> all(dimensions + 1);
  for (std::size_t differing = 0; differing <= dimensions; ++differing) {
    const double share = static_cast<double>(differing) / static_cast<double>(dimensions);
    all[differing] = static_cast<float>(std::cos(std::numbers::pi * share));
  }
  return all;
}

}  // namespace

Codes::Codes(std::vector<float> centre, std::size_t bits, std::uint64_t seed)
    : centre_(std::move(centre)),
      rotation_(centre_.size(), seed),
      bits_(bits),
      words_(words_of(centre_.size())),
      rest_bytes_(rest_bytes_of(centre_.size(), bits)),
      cosines_(cosines(centre_.size())) {
  check(bits == 1 || bits == 2 || bits == 4 || bits == kAsBytes, "a code has 1, 2, 4 or 8 bits a number");
}

std::size_t Codes::bytes_of(std::size_t dimensions, std::size_t bits) {
  const auto [signs, rest, facts] = part_bytes(dimensions, bits);
  return signs + rest + facts;
}

std::array<std::size_t, 3> Codes::part_bytes(std::size_t dimensions, std::size_t bits) {
  return {words_of(dimensions) * sizeof(std::uint64_t), rest_bytes_of(dimensions, bits), sizeof(Facts)};
}

std::array<std::span<const std::byte>, 3> Codes::parts() const {
  return {std::as_bytes(signs_.values()), std::as_bytes(rest_.values()), std::as_bytes(facts_.values())};
}

Result<void> Codes::take_over(const File& file, const CodePlaces& places, std::size_t count) {
  TRY(signs_.take_over(file, places.signs, count * words_));
  TRY(rest_.take_over(file, places.rest, count * rest_bytes_));
  TRY(facts_.take_over(file, places.facts, count));
  const auto is_sane = [](float fact) { return std::abs(fact) <= kFactMax; };  // no distance of these is infinite
  for (const Facts& facts : facts_.values()) {
    const std::array all = {facts.step, facts.sum, facts.square, facts.length, facts.positives, facts.sign};
    if (!std::ranges::all_of(all, is_sane)) return fail(Code::corrupt, "{} holds no codes", file.path().string());
  }
  return {};
}

void Codes::reserve(std::size_t count) {
  signs_.reserve(count * words_);
  rest_.reserve(count * rest_bytes_);
  facts_.reserve(count);
}

void Codes::resize(std::size_t count) {
  signs_.resize(count * words_);
  rest_.resize(count * rest_bytes_);
  facts_.resize(count);
}

std::vector<float> Codes::rotated(std::span<const float> vector) const {
  check(vector.size() == dimensions(), "codes are made of vectors of one size");
  std::vector<float> numbers(vector.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = vector[i] - centre_[i];
  rotation_.apply(numbers);
  return numbers;
}

void Codes::encode(Node code, std::span<const float> vector) { encode_rotated(code, rotated(vector)); }

Codes::Target Codes::encode_target(Node code, std::span<const float> vector) {
  const auto numbers = rotated(vector);
  encode_rotated(code, numbers);
  const Levels levels = levels_of(numbers, 2, words_ * kWordBits);
  Target target{.planes = std::vector<std::uint64_t>(2 * words_), .sum = levels.sum, .square = facts_[code].square};
  put_plane(levels.bytes, 1, target.planes.data());
  put_plane(levels.bytes, 0, target.planes.data() + words_);
  float coarse = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    coarse += std::abs(static_cast<float>(levels.bytes[i]) + kShiftOfTwoBits);
  target.step = sum_of_absolutes(numbers) / coarse;
  return target;
}

void Codes::encode_rotated(Node code, std::span<const float> numbers) {
  const Levels levels = levels_of(numbers, bits_, words_ * kWordBits);
  std::uint64_t* signs = signs_.data() + code * words_;
  put_plane(levels.bytes, bits_ - 1, signs);
  if (bits_ == kAsBytes) {
    std::copy_n(levels.bytes.data(), rest_bytes_, rest_.data() + code * rest_bytes_);
  } else {
    auto* others = reinterpret_cast<std::uint64_t*>(rest_.data() + code * rest_bytes_);
    for (std::size_t plane = 1; plane < bits_; ++plane) {
      put_plane(levels.bytes, bits_ - 1 - plane, others + (plane - 1) * words_);
    }
  }
  Facts& facts = facts_[code];
  facts.step = levels.step;
  facts.sum = levels.sum;
  facts.square = bits_ == 1 ? dot(numbers.data(), numbers.data(), numbers.size()) : product(code, code);
  facts.length = std::sqrt(facts.square);
  int positives = 0;
  for (std::size_t word = 0; word < words_; ++word) positives += std::popcount(signs[word]);
  facts.positives = static_cast<float>(positives);
  const float absolutes = sum_of_absolutes(numbers);
  facts.sign = absolutes > 0 ? facts.square / absolutes : 0;
}

Planes Codes::planes_of(Node code) const {
  return {signs_of(code), reinterpret_cast<const std::uint64_t*>(rest_of(code))};
}

/// Doubles: what is left of the large numbers must come out right.
float Codes::product(Node a, Node b) const {
  const double shift = 0.5 - static_cast<double>(1U << (bits_ - 1));
  const auto levels = bits_ == kAsBytes ? static_cast<double>(dot_bytes(rest_of(a), rest_of(b), rest_bytes_))
                                        : static_cast<double>(dot_planes(planes_of(a), planes_of(b), bits_, words_));
  const double numbers = levels + shift * (double{facts_[a].sum} + double{facts_[b].sum}) +
                         shift * shift * static_cast<double>(dimensions());
  return facts_[a].step * facts_[b].step * static_cast<float>(numbers);
}

float Codes::rough_distance(Node a, Node b) const {
  const float cosine = cosines_[differing_bits(signs_of(a), signs_of(b), words_)];
  return std::max(facts_[a].square + facts_[b].square - 2 * facts_[a].length * facts_[b].length * cosine, 0.0F);
}

float Codes::rough_distance(const Target& target, Node b) const {
  const Facts& facts = facts_[b];
  const auto positive =
      static_cast<float>(sum_where({target.planes.data(), target.planes.data() + words_}, signs_of(b), words_));
  const float of_positive = positive + kShiftOfTwoBits * facts.positives;
  const float of_all = target.sum + kShiftOfTwoBits * static_cast<float>(dimensions());
  const float product = target.step * facts.sign * (2 * of_positive - of_all);
  return std::max(target.square + facts.square - 2 * product, 0.0F);
}

float Codes::distance(Node a, Node b) const {
  if (bits_ == 1) return rough_distance(a, b);
  return std::max(facts_[a].square + facts_[b].square - 2 * product(a, b), 0.0F);
}

void Codes::prefetch(Node code) const {
  if (bits_ == kAsBytes) {
    prefetch_lines(&facts_[code], sizeof(Facts));
  } else {
    prefetch_signs(code);
  }
  prefetch_lines(rest_of(code), rest_bytes_);
}
void Codes::prefetch_signs(Node code) const {
  prefetch_lines(&facts_[code], sizeof(Facts));
  prefetch_lines(signs_of(code), words_ * sizeof(std::uint64_t));
}

}  // namespace tillite
