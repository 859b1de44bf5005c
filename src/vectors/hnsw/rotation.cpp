#include "vectors/hnsw/rotation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/wide.h"
#include "vectors/hnsw/mixed_bits.h"

namespace tillite {
namespace {

constexpr std::size_t kTransforms = 3;  // over the first numbers, the last, the first: each number meets all others

/// Sums of neighbours to the front, differences behind them. So many rounds as the size has bits are Walsh-Hadamard;
/// in each the numbers lie side by side.
TILLITE_WIDE void mix_neighbours(const float* __restrict from, float* __restrict to, std::size_t half) {
  for (std::size_t i = 0; i < half; ++i) {
    to[i] = from[2 * i] + from[2 * i + 1];
    to[half + i] = from[2 * i] - from[2 * i + 1];
  }
}

/// Two such rounds in one, number by number the same sums.
TILLITE_WIDE void mix_fours(const float* __restrict from, float* __restrict to, std::size_t quarter) {
  for (std::size_t i = 0; i < quarter; ++i) {
    const float sum = from[4 * i] + from[4 * i + 1];
    const float difference = from[4 * i] - from[4 * i + 1];
    const float other_sum = from[4 * i + 2] + from[4 * i + 3];
    const float other_difference = from[4 * i + 2] - from[4 * i + 3];
    to[i] = sum + other_sum;
    to[quarter + i] = difference + other_difference;
    to[2 * quarter + i] = sum - other_sum;
    to[3 * quarter + i] = difference - other_difference;
  }
}

TILLITE_WIDE void multiply(float* __restrict numbers, const float* __restrict by, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) numbers[i] *= by[i];
}

/// Walsh-Hadamard. Lengths grow by the root of the size. `room`: as large.
void hadamard(std::span<float> numbers, std::span<float> room) {
  std::span<float> from = numbers;
  std::span<float> to = room;
  for (std::size_t mixed = 1; mixed < numbers.size();) {
    const bool are_two = 4 * mixed <= numbers.size();
    if (are_two) {
      mix_fours(from.data(), to.data(), numbers.size() / 4);
    } else {
      mix_neighbours(from.data(), to.data(), numbers.size() / 2);
    }
    mixed *= are_two ? 4 : 2;
    std::swap(from, to);
  }
  if (from.data() != numbers.data()) std::ranges::copy(from, numbers.begin());
}

}  // namespace

Rotation::Rotation(std::size_t size, std::uint64_t seed) : window_(std::bit_floor(size)) {
  check(size > 0, "what is rotated has numbers");
  const float scale = 1 / std::sqrt(static_cast<float>(window_));
  signs_.reserve(kTransforms * window_);
  for (std::size_t i = 0; i < kTransforms * window_; ++i)
    signs_.push_back(mixed_bits(seed, i) % 2 == 0 ? scale : -scale);
}

void Rotation::apply(std::span<float> vector) const {
  std::vector<float> room(window_);
  for (std::size_t transform = 0; transform < kTransforms; ++transform) {
    const auto window = transform % 2 == 0 ? vector.first(window_) : vector.last(window_);
    const float* signs = signs_.data() + transform * window_;
    multiply(window.data(), signs, window_);
    hadamard(window, room);
  }
}

}  // namespace tillite
