#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tillite {

/// What OpenAI's models are asked for when somebody wants vectors of `dimensions` numbers: the parameter `dimensions`,
/// or nothing where the model gives as many of itself, or does not take the parameter (only text-embedding-3-* does).
[[nodiscard]] constexpr std::optional<std::size_t> asked_dimensions(std::string_view model, std::size_t dimensions) {
  if (!model.starts_with("text-embedding-3-")) return std::nullopt;
  if (model == "text-embedding-3-small" && dimensions == 1536) return std::nullopt;
  if (model == "text-embedding-3-large" && dimensions == 3072) return std::nullopt;
  return dimensions;
}

}  // namespace tillite
