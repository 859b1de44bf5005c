#pragma once

#include <string_view>

namespace tillite {

/// Whether requests for vectors of a model name their `dimensions`: OpenAI's text-embedding-3-* and the local embedder
/// take the parameter, others refuse a request that has it.
[[nodiscard]] constexpr bool takes_dimensions(std::string_view model) {
  return model.starts_with("text-embedding-3-") || model.starts_with("tillite-ngram-");
}

}  // namespace tillite
