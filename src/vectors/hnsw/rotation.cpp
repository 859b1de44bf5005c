#include "vectors/hnsw/rotation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "vectors/hnsw/mixed_bits.h"
#include "vectors/hnsw/wide.h"

namespace tillite {
namespace {

constexpr std::size_t kTransforms = 4;  // two over the first numbers, two over the last

/// Sums and differences of whole rows of a matrix: Walsh-Hadamard down its columns.
TILLITE_WIDE void mix_rows(float* matrix, std::size_t rows, std::size_t columns) {
  for (std::size_t half = 1; half < rows; half *= 2) {
    for (std::size_t block = 0; block < rows; block += 2 * half) {
      float* __restrict low = matrix + block * columns;
      float* __restrict high = low + half * columns;
      for (std::size_t i = 0; i < half * columns; ++i) {
        const float sum = low[i] + high[i];
        high[i] = low[i] - high[i];
        low[i] = sum;
      }
    }
  }
}

TILLITE_WIDE void multiply(float* __restrict numbers, const float* __restrict by, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) numbers[i] *= by[i];
}

/// Walsh-Hadamard in place but for the order of the numbers, which is of no matter here: as a matrix, down its columns
/// and along its rows, so that every step goes over numbers that lie side by side. Lengths grow by the root of the
/// size.
void hadamard(std::span<float> numbers) {
  const std::size_t columns = std::size_t{1} << (std::bit_width(numbers.size()) / 2);
  const std::size_t rows = numbers.size() / columns;
  mix_rows(numbers.data(), rows, columns);
  std::vector<float> turned(numbers.size());
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      turned[column * rows + row] = numbers[row * columns + column];
    }
  }
  mix_rows(turned.data(), columns, rows);
  std::ranges::copy(turned, numbers.begin());
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
    multiply(window.data(), signs, window_);
    hadamard(window);
  }
}

}  // namespace tillite
