#include "vectors/records/squared_length.h"

#include <array>
#include <numeric>

#include "base/wide.h"

namespace tillite {
namespace {

constexpr std::size_t kSums = 16;  // at a time: one alone would wait for itself at every number

TILLITE_WIDE void add_squares(const float* __restrict numbers, std::size_t count, double* __restrict sums) {
  for (std::size_t i = 0; i + kSums <= count; i += kSums) {
    for (std::size_t j = 0; j < kSums; ++j) {
      const auto number = static_cast<double>(numbers[i + j]);
      sums[j] += number * number;
    }
  }
}

}  // namespace

double squared_length(std::span<const float> vector) {
  std::array<double, kSums> sums{};
  add_squares(vector.data(), vector.size(), sums.data());
  for (const float number : vector.subspan(vector.size() / kSums * kSums)) {
    sums.front() += static_cast<double>(number) * static_cast<double>(number);
  }
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace tillite
