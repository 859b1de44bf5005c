#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tillite {

/// Texts to vectors while the caller waits, at the price of a synchronous call: for the text of a query, and for a few
/// items that shall not wait for a batch.
///
/// Threads: any. Errors: as BatchProvider's.
class TextEmbedder {
 public:
  static constexpr std::size_t kTextsMax = 2048;      ///< of one call
  static constexpr std::size_t kTokensMax = 300'000;  ///< of all texts of one call

  virtual ~TextEmbedder() = default;
  /// A vector of `dimensions` numbers for each text, in their order, as the provider gives it. `invalid_input` for no
  /// text, more than kTextsMax, or an empty one.
  [[nodiscard]] virtual Result<std::vector<std::vector<float>>> embed(std::string_view model, std::size_t dimensions,
                                                                      std::span<const std::string> texts) = 0;
};

}  // namespace tillite
