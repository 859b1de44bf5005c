#pragma once

#include <span>

namespace tillite {

/// The sum of the squares of a vector's numbers, which are added in one order on every machine.
[[nodiscard]] double squared_length(std::span<const float> vector);

}  // namespace tillite
