#include "vectors/rotation.h"

#include <bit>
#include <cmath>

#include "base/check.h"
#include "vectors/mixed_bits.h"

namespace tillite {
namespace {

constexpr std::size_t kTransforms = 4;  // two over the first numbers, two over the last

/// Walsh-Hadamard in place; lengths grow by the root of the size.
void hadamard(std::span<float> numbers) {
  for (std::size_t half = 1; half < numbers.size(); half *= 2) {
    for (std::size_t block = 0; block < numbers.size(); block += 2 * half) {
      float* low = numbers.data() + block;
      float* high = low + half;
      for (std::size_t i = 0; i < half; ++i) {
        const float sum = low[i] + high[i];
        high[i] = low[i] - high[i];
        low[i] = sum;
      }
    }
  }
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
  for (std::size_t transform = 0; transform < kTransforms; ++transform) {
    const auto window = transform % 2 == 0 ? vector.first(window_) : vector.last(window_);
    const float* signs = signs_.data() + transform * window_;
    for (std::size_t i = 0; i < window_; ++i) window[i] *= signs[i];
    hadamard(window);
  }
}

}  // namespace tillite
