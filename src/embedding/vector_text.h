#pragma once

#include <span>
#include <string>

namespace tillite {

/// A vector as the value of "embedding" in an answer's JSON: a list of numbers, each the shortest text that reads as
/// the same float, or little-endian floats in base64. NaN, which JSON has not, becomes NaN as it stands.
[[nodiscard]] std::string vector_text(std::span<const float> vector, bool is_base64);

}  // namespace tillite
