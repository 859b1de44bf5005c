#include "vectors/hnsw/code_group.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/wide.h"

namespace tillite {
namespace {

constexpr std::size_t kWholeBits = 8;
constexpr std::size_t kDimensionsMax = 8192;  // four times a product of levels fits 32 bits
constexpr std::int32_t kQuarters = 4;
constexpr std::int32_t kLevelsShift = 255;  // of a level from the number that it stands for, in halves

/// What is known of the codes that a part is compared with.
struct RowFacts {
  std::array<float, kMatrixRows> steps{};
  std::array<float, kMatrixRows> squares{};
  std::array<std::int32_t, kMatrixRows> sums{};
};

TILLITE_WIDE void put_centred(const std::uint8_t* __restrict levels, std::int8_t* __restrict to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<std::int8_t>(levels[i] ^ kByteCentre);
}

/// Squared distances by the products of levels; the order is that of Codes::distance(), to the last bit.
TILLITE_WIDE void put_distances(const std::int32_t* __restrict products, const RowFacts& rows,
                                const std::int32_t* __restrict sums, const float* __restrict steps,
                                const float* __restrict squares, float* __restrict distances, std::size_t count) {
  for (std::size_t column = 0; column < count; ++column) {
    for (std::size_t row = 0; row < kMatrixRows; ++row) {
      const std::size_t at = kMatrixRows * column + row;
      const float numbers = static_cast<float>(kQuarters * products[at] + rows.sums[row] + sums[column]) / kQuarters;
      const float product = rows.steps[row] * steps[column] * numbers;
      distances[at] = std::max(rows.squares[row] + squares[column] - 2 * product, 0.0F);
    }
  }
}

}  // namespace

bool CodeGroup::can_hold(const Codes& codes) {
  return codes.bits() == kWholeBits && codes.dimensions() <= kDimensionsMax;
}

void CodeGroup::reserve(std::size_t count) {
  if (codes_->size() > 0) levels_.reserve(count * codes_->whole(0).levels.size());
  facts_.reserve(count);
}

void CodeGroup::clear() {
  levels_.clear();
  facts_.clear();
}

/// With levels r and q a product is that of r - 127.5 and q - 127.5. Where q - 128 is multiplied instead, four times it
/// is four times what comes out + 2 r - 510 (q - 128) - 255, summed: whole numbers all.
void CodeGroup::add(Node code) {
  const Codes::Whole whole = codes_->whole(code);
  levels_.resize(levels_.size() + whole.levels.size());
  put_centred(whole.levels.data(), &*(levels_.end() - static_cast<std::ptrdiff_t>(whole.levels.size())),
              whole.levels.size());
  const auto dimensions = static_cast<std::int32_t>(codes_->dimensions());
  const std::int32_t centred_sum = static_cast<std::int32_t>(whole.sum) - kByteCentre * dimensions;
  facts_.push_back(
      {.step = whole.step, .square = whole.square, .sum = -2 * kLevelsShift * centred_sum - kLevelsShift * dimensions});
}

void CodeGroup::Part::choose(const CodeGroup& group, std::span<const std::uint32_t> members) {
  codes_ = group.codes_;
  levels_.resize(members.size());
  steps_.resize(members.size());
  squares_.resize(members.size());
  sums_.resize(members.size());
  const std::size_t level_bytes = group.levels_.size() / std::max<std::size_t>(group.size(), 1);
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Facts& facts = group.facts_[members[i]];
    levels_[i] = group.levels_.data() + members[i] * level_bytes;
    steps_[i] = facts.step;
    squares_[i] = facts.square;
    sums_[i] = facts.sum;
  }
}

void CodeGroup::Part::compare(std::span<const Node> codes) {
  check(codes.size() <= kMatrixRows, "so many codes can be compared at once");
  std::array<const std::uint8_t*, kMatrixRows> levels{};
  std::size_t level_bytes = 0;
  RowFacts facts;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const Codes::Whole whole = codes_->whole(codes[i]);
    levels[i] = whole.levels.data();
    level_bytes = whole.levels.size();
    facts.steps[i] = whole.step;
    facts.squares[i] = whole.square;
    facts.sums[i] = 2 * static_cast<std::int32_t>(whole.sum);
  }
  products_.resize(kMatrixRows * size());
  distances_.resize(kMatrixRows * size());
  dot_matrix(std::span(levels).first(codes.size()), levels_, level_bytes, products_.data());
  put_distances(products_.data(), facts, sums_.data(), steps_.data(), squares_.data(), distances_.data(), size());
  compared_ = codes.size();
}

}  // namespace tillite
