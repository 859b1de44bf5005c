#include "vectors/hnsw/codes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>

#include "base/check.h"
#include "base/wide.h"

namespace tillite {
namespace {

constexpr std::size_t kLineBytes = 64;                 // of the machine's cache
constexpr std::size_t kFetchedBytes = 4 * kLineBytes;  // of a code: the machine goes on by itself
constexpr std::size_t kWordBits = 64;
constexpr std::size_t kByteBits = 8;
constexpr std::size_t kNibbleBits = 4;
constexpr std::size_t kPairBits = 2;
constexpr std::size_t kSumsAtOnce = 64;
constexpr std::size_t kSums = 16;

constexpr float kFactMax = 1e9F;

/// In sixteen sums, so that none waits for the one before it, and in this order on every machine.
TILLITE_WIDE float sum_of_absolutes(const float* numbers, std::size_t count) {
  std::array<float, kSums> sums{};
  const std::size_t whole = count / kSums * kSums;
  for (std::size_t i = 0; i < whole; i += kSums) {
    for (std::size_t lane = 0; lane < kSums; ++lane) sums[lane] += std::abs(numbers[i + lane]);
  }
  float sum = 0;
  for (const float lane : sums) sum += lane;
  for (std::size_t i = whole; i < count; ++i) sum += std::abs(numbers[i]);
  return sum;
}

TILLITE_WIDE void subtract(const float* __restrict from, const float* __restrict what, float* __restrict to,
                           std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = from[i] - what[i];
}

/// Each number's level, from 0 to `highest`.
TILLITE_WIDE void put_levels(const float* __restrict numbers, float inverse, float half, float highest,
                             std::uint8_t* __restrict levels, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const float level = std::min(std::max(numbers[i] * inverse + half, 0.0F), highest);
    levels[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(level));
  }
}

TILLITE_WIDE std::uint32_t sum_of(const std::uint8_t* levels, std::size_t count) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += levels[i];
  return sum;
}

/// How many levels have this bit.
TILLITE_WIDE std::uint32_t count_with_bit(const std::uint8_t* levels, std::size_t count, std::size_t place) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += (levels[i] >> place) & 1U;
  return sum;
}

/// Of levels of 4 bits, how far they are from their middle, in halves.
TILLITE_WIDE std::uint32_t sum_of_half_steps(const std::uint8_t* levels, std::size_t count) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += static_cast<std::uint32_t>(std::abs(2 * levels[i] - 15));
  return sum;
}

/// The best distance between the levels of normal numbers of variance 1.
float best_step(std::size_t bits) {
  switch (bits) {
    case 1:
      return 1.5958F;
    case kPairBits:
      return 0.9957F;
    case kNibbleBits:
      return 0.3352F;
    default:
      return 0.0308F;
  }
}

/// What is to be added to a level of so many bits.
constexpr float shift_of(std::size_t bits) { return 0.5F - static_cast<float>(1U << (bits - 1)); }

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

/// Levels of 4 bits, two to a byte, as dot_nibbles wants them.
void put_nibbles(std::span<const std::uint8_t> levels, std::uint8_t* nibbles) {
  for (std::size_t line = 0; 2 * line < levels.size(); line += kNibbleLineBytes) {
    const std::uint8_t* lower = levels.data() + 2 * line;
    const std::uint8_t* upper = lower + kNibbleLineBytes;
    for (std::size_t i = 0; i < kNibbleLineBytes; ++i) {
      nibbles[line + i] = static_cast<std::uint8_t>(lower[i] | (upper[i] << kNibbleBits));
    }
  }
}

std::vector<std::uint8_t> levels_in(std::span<const std::uint8_t> nibbles) {
  std::vector<std::uint8_t> levels(2 * nibbles.size());
  for (std::size_t line = 0; line < nibbles.size(); line += kNibbleLineBytes) {
    for (std::size_t i = 0; i < kNibbleLineBytes; ++i) {
      levels[2 * line + i] = nibbles[line + i] & 15U;
      levels[2 * line + kNibbleLineBytes + i] = nibbles[line + i] >> kNibbleBits;
    }
  }
  return levels;
}

/// Levels of 4 bits, of 8 bits' upper halves.
std::vector<std::uint8_t> upper_levels(std::span<const std::uint8_t> bytes) {
  std::vector<std::uint8_t> levels(bytes.size());
  std::ranges::transform(bytes, levels.begin(), [](std::uint8_t byte) { return byte >> kNibbleBits; });
  return levels;
}

/// The four planes of levels of 4 bits, the highest first.
std::vector<std::uint64_t> planes_of(std::span<const std::uint8_t> levels) {
  const std::size_t words = levels.size() / kWordBits;
  std::vector<std::uint64_t> planes(kNibbleBits * words);
  for (std::size_t plane = 0; plane < kNibbleBits; ++plane) {
    put_plane(levels, kNibbleBits - 1 - plane, planes.data() + plane * words);
  }
  return planes;
}

std::uint32_t sum_where(const std::uint64_t* planes, const std::uint64_t* bits, std::size_t words) {
  std::uint32_t sum = 0;
  const std::uint32_t first = 0;
  sums_where(planes, bits, {&first, 1}, words, &sum);
  return sum;
}

std::size_t words_of(std::size_t dimensions) {
  constexpr std::size_t kStepBits = kPlaneWordsStep * kWordBits;
  return (dimensions + kStepBits - 1) / kStepBits * kPlaneWordsStep;
}

std::size_t rest_bytes_of(std::size_t dimensions, std::size_t bits) {
  if (bits == kByteBits) return words_of(dimensions) * kWordBits;
  if (bits == kNibbleBits) return words_of(dimensions) * kWordBits / 2;
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

/// Numbers as levels. A level l stands for (l + shift_of(bits)) * step.
struct Codes::Levels {
  std::vector<std::uint8_t> bytes;  ///< 0 after the last
  float step = 1;
  float sum = 0;
};

Codes::Levels Codes::levels_of(std::span<const float> numbers, std::size_t bits, std::size_t size) {
  Levels levels{.bytes = std::vector<std::uint8_t>(size)};
  const float square = dot(numbers.data(), numbers.data(), numbers.size());
  const float spread = std::sqrt(square / static_cast<float>(numbers.size()));
  if (spread > 0) levels.step = best_step(bits) * spread;
  const float inverse = 1 / levels.step;
  const auto highest = static_cast<float>((1U << bits) - 1);
  const auto half = static_cast<float>(1U << (bits - 1));
  put_levels(numbers.data(), inverse, half, highest, levels.bytes.data(), numbers.size());
  levels.sum = static_cast<float>(sum_of(levels.bytes.data(), numbers.size()));
  return levels;
}

Codes::Codes(std::vector<float> centre, std::size_t bits, std::uint64_t seed)
    : centre_(std::move(centre)),
      rotation_(centre_.size(), seed),
      bits_(bits),
      words_(words_of(centre_.size())),
      rest_bytes_(rest_bytes_of(centre_.size(), bits)),
      cosines_(cosines(centre_.size())) {
  check(bits == 1 || bits == kPairBits || bits == kNibbleBits || bits == kByteBits,
        "a code has 1, 2, 4 or 8 bits a number");
}

std::size_t Codes::bytes_of(std::size_t dimensions, std::size_t bits) {
  std::size_t bytes = 0;
  for (const std::size_t part : part_bytes(dimensions, bits)) bytes += part;
  return bytes;
}

std::array<std::size_t, 4> Codes::part_bytes(std::size_t dimensions, std::size_t bits) {
  return {words_of(dimensions) * sizeof(std::uint64_t), rest_bytes_of(dimensions, bits), sizeof(RoughFacts),
          sizeof(Facts)};
}

std::array<std::span<const std::byte>, 4> Codes::parts() const {
  check(signs_.size() == size() * words_, "a file keeps the signs, too");
  return {std::as_bytes(signs_.values()), std::as_bytes(rest_.values()), std::as_bytes(rough_facts_.values()),
          std::as_bytes(facts_.values())};
}

Result<void> Codes::take_over(const File& file, const CodePlaces& places, std::size_t count) {
  TRY(signs_.take_over(file, places.signs, count * words_));
  TRY(rest_.take_over(file, places.rest, count * rest_bytes_));
  TRY(rough_facts_.take_over(file, places.rough_facts, count));
  TRY(facts_.take_over(file, places.facts, count));
  const auto sum_max = static_cast<float>(((1U << bits_) - 1) * dimensions());
  for (std::size_t code = 0; code < count; ++code) {
    const auto& [square, positives, sign] = rough_facts_[code];
    const std::array all = {square, positives, sign, facts_[code].step};
    const auto is_sane = [](float fact) { return std::abs(fact) <= kFactMax; };  // no distance of these is infinite
    const bool is_sum = facts_[code].sum >= 0 && facts_[code].sum <= sum_max;
    if (!is_sum || !std::ranges::all_of(all, is_sane)) {
      return fail(Code::corrupt, "{} holds no codes", file.path().string());
    }
  }
  return {};
}

void Codes::reserve(std::size_t count) {
  signs_.reserve(count * words_);
  rest_.reserve(count * rest_bytes_);
  rough_facts_.reserve(count);
  facts_.reserve(count);
}

void Codes::resize(std::size_t count) {
  if (!puts_off_signs_) signs_.resize(count * words_);
  rest_.resize(count * rest_bytes_);
  rough_facts_.resize(count);
  facts_.resize(count);
}

void Codes::put_off_signs() {
  check(bits_ == kByteBits, "what is put off can be made of the rest");
  puts_off_signs_ = true;
}

Node Codes::resume_signs() {
  puts_off_signs_ = false;
  const std::size_t first = signs_.size() / words_;
  signs_.resize(size() * words_);
  return static_cast<Node>(first);
}

void Codes::put_signs(Node code) {
  put_plane({rest_of(code), rest_bytes_}, kByteBits - 1, signs_.data() + code * words_);
}

std::vector<float> Codes::rotated(std::span<const float> vector) const {
  check(vector.size() == dimensions(), "codes are made of vectors of one size");
  std::vector<float> numbers(vector.size());
  subtract(vector.data(), centre_.data(), numbers.data(), numbers.size());
  rotation_.apply(numbers);
  return numbers;
}

void Codes::encode(Node code, std::span<const float> vector) {
  const auto numbers = rotated(vector);
  store(code, numbers, levels_of(numbers, bits_, words_ * kWordBits));
}

Codes::Target Codes::encode_target(Node code, std::span<const float> vector) {
  const auto numbers = rotated(vector);
  const std::size_t size = words_ * kWordBits;
  const Levels levels = levels_of(numbers, kNibbleBits, size);
  store(code, numbers, bits_ == kNibbleBits ? levels : levels_of(numbers, bits_, size));

  Target target{.code = code};
  RoughTarget& rough = target.rough;
  rough.planes = planes_of(levels.bytes);
  const float absolutes = static_cast<float>(sum_of_half_steps(levels.bytes.data(), numbers.size())) / 2;
  rough.step = sum_of_absolutes(numbers.data(), numbers.size()) / absolutes;
  rough.sum = levels.sum;
  rough.square = dot(numbers.data(), numbers.data(), numbers.size());

  if (bits_ == kByteBits) return target;
  const Levels fine = levels_of(numbers, kByteBits, size);
  target.bytes.resize(size);
  std::ranges::transform(fine.bytes, target.bytes.begin(),
                         [](std::uint8_t level) { return static_cast<std::int8_t>(level ^ 0x80U); });
  target.step = fine.step;
  target.sum = fine.sum - 128 * static_cast<float>(numbers.size());
  return target;
}

Codes::RoughTarget Codes::target_of(Node code) const {
  RoughTarget target{.planes = {}, .step = facts_[code].step, .sum = 0, .square = rough_facts_[code].square};
  if (bits_ >= kNibbleBits) {
    const std::span<const std::uint8_t> rest(rest_of(code), rest_bytes_);
    const auto levels = bits_ == kByteBits ? upper_levels(rest) : levels_in(rest);
    if (bits_ == kByteBits) target.step *= 1U << kNibbleBits;
    target.sum = static_cast<float>(std::accumulate(levels.begin(), levels.end(), 0U));
    target.planes = planes_of(levels);
    return target;
  }
  // Levels of fewer bits are fifths or fifteenths of those of 4 bits, whose bits repeat theirs.
  const float share = static_cast<float>((1U << kNibbleBits) - 1) / static_cast<float>((1U << bits_) - 1);
  target.step /= share;
  target.sum = facts_[code].sum * share;
  const Pairs pairs = pairs_of(code);
  for (std::size_t plane = 0; plane < kNibbleBits; ++plane) {
    const std::uint64_t* bits = bits_ == 1 || plane % 2 == 0 ? pairs.high : pairs.low;
    target.planes.insert(target.planes.end(), bits, bits + words_);
  }
  return target;
}

/// Writes a code whose levels have as many bits as codes have.
void Codes::store(Node code, std::span<const float> numbers, const Levels& levels) {
  if (!puts_off_signs_) put_plane(levels.bytes, bits_ - 1, signs_.data() + code * words_);
  std::uint8_t* rest = rest_.data() + code * rest_bytes_;
  if (bits_ == kByteBits) std::ranges::copy(levels.bytes, rest);
  if (bits_ == kNibbleBits) put_nibbles(levels.bytes, rest);
  if (bits_ == kPairBits) put_plane(levels.bytes, 0, reinterpret_cast<std::uint64_t*>(rest));

  facts_[code] = {.step = levels.step, .sum = levels.sum};
  RoughFacts& rough = rough_facts_[code];
  rough.square = bits_ == 1 ? dot(numbers.data(), numbers.data(), numbers.size()) : product(code, code);
  rough.positives = static_cast<float>(count_with_bit(levels.bytes.data(), levels.bytes.size(), bits_ - 1));
  const float absolutes = sum_of_absolutes(numbers.data(), numbers.size());
  rough.sign = absolutes > 0 ? rough.square / absolutes : 0;
}

Pairs Codes::pairs_of(Node code) const {
  return {signs_of(code), reinterpret_cast<const std::uint64_t*>(rest_of(code))};
}

/// Whole numbers or doubles: what is left of the large numbers must come out right.
float Codes::product(Node a, Node b) const {
  const Facts& left = facts_[a];
  const Facts& right = facts_[b];
  if (bits_ == kByteBits) {
    // Of levels l and r: (l - 127.5) (r - 127.5) is l (r - 128) + l / 2 - 127.5 r + 127.5^2; here four times that.
    const std::int64_t quarters = 4 * std::int64_t{dot_centred_bytes(rest_of(a), rest_of(b), rest_bytes_)} +
                                  2 * static_cast<std::int64_t>(left.sum) - 510 * static_cast<std::int64_t>(right.sum) +
                                  std::int64_t{255 * 255} * static_cast<std::int64_t>(dimensions());
    return left.step * right.step * (static_cast<float>(quarters) / 4);
  }
  const double shift = shift_of(bits_);
  const double levels = bits_ == kNibbleBits ? dot_nibbles(rest_of(a), rest_of(b), rest_bytes_)
                                             : static_cast<double>(dot_pairs(pairs_of(a), pairs_of(b), words_));
  const double numbers =
      levels + shift * (double{left.sum} + double{right.sum}) + shift * shift * static_cast<double>(dimensions());
  return left.step * right.step * static_cast<float>(numbers);
}

float Codes::rough_distance(Node a, Node b) const {
  const float cosine = cosines_[differing_bits(signs_of(a), signs_of(b), words_)];
  const float left = rough_facts_[a].square;
  const float right = rough_facts_[b].square;
  return std::max(left + right - 2 * std::sqrt(left * right) * cosine, 0.0F);
}

float Codes::rough_distance(const RoughTarget& target, Node b) const {
  float distance = 0;
  rough_distances(target, {&b, 1}, {&distance, 1});
  return distance;
}

void Codes::rough_distances(const RoughTarget& target, std::span<const Node> nodes, std::span<float> distances) const {
  std::array<std::uint32_t, kSumsAtOnce> sums;  // set before they are read
  const float of_all = target.sum + shift_of(kNibbleBits) * static_cast<float>(dimensions());
  for (std::size_t first = 0; first < nodes.size(); first += sums.size()) {
    const auto some = nodes.subspan(first, std::min(sums.size(), nodes.size() - first));
    sums_where(target.planes.data(), signs_.data(), some, words_, sums.data());
    for (std::size_t i = 0; i < some.size(); ++i) {
      const RoughFacts& facts = rough_facts_[some[i]];
      const float of_positive = static_cast<float>(sums[i]) + shift_of(kNibbleBits) * facts.positives;
      const float product = target.step * facts.sign * (2 * of_positive - of_all);
      distances[first + i] = std::max(target.square + facts.square - 2 * product, 0.0F);
    }
  }
}

float Codes::distance(Node a, Node b) const {
  if (bits_ == 1) return rough_distance(a, b);
  return std::max(rough_facts_[a].square + rough_facts_[b].square - 2 * product(a, b), 0.0F);
}

float Codes::distance(const Target& target, Node b) const {
  const RoughTarget& rough = target.rough;
  if (bits_ == 1) return rough_distance(rough, b);
  if (bits_ == kByteBits) return distance(target.code, b);
  const Facts& facts = facts_[b];
  const double shift = shift_of(bits_);
  const auto product = [&](double levels, double target_shift, double target_sum, float target_step) {
    const double numbers = levels + target_shift * double{facts.sum} + shift * target_sum +
                           target_shift * shift * static_cast<double>(dimensions());
    return target_step * facts.step * static_cast<float>(numbers);
  };
  float of_both = 0;
  if (bits_ == kNibbleBits) {
    of_both = product(dot_signed_nibbles(target.bytes.data(), rest_of(b), rest_bytes_), 0.5, target.sum, target.step);
  } else {
    const Pairs pairs = pairs_of(b);
    const double levels =
        2.0 * sum_where(rough.planes.data(), pairs.high, words_) + sum_where(rough.planes.data(), pairs.low, words_);
    of_both = product(levels, shift_of(kNibbleBits), rough.sum, rough.step);
  }
  return std::max(rough.square + rough_facts_[b].square - 2 * of_both, 0.0F);
}

Codes::Whole Codes::whole(Node code) const {
  check(bits_ == kByteBits, "a whole code has 8 bits");
  return {.levels = {rest_of(code), rest_bytes_},
          .step = facts_[code].step,
          .sum = facts_[code].sum,
          .square = rough_facts_[code].square};
}

void Codes::prefetch(Node code) const {
  if (bits_ < kNibbleBits) prefetch_signs(code);
  prefetch_lines(rest_of(code), std::min(rest_bytes_, kFetchedBytes));
  __builtin_prefetch(&facts_[code]);
  __builtin_prefetch(&rough_facts_[code]);
}

}  // namespace tillite
