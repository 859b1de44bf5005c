#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "embedding/dollars.h"

namespace tillite {

/// What is known of an embedding model. Of one that is not known it is nothing: the settings may say it
/// (docs/settings.md).
struct EmbeddingModel {
  std::string name;
  std::optional<std::size_t> dimensions = {};     ///< of its vectors, unless fewer are asked for
  bool dimensions_can_be_chosen = false;          ///< fewer may be asked for
  std::optional<Dollars> price_per_million = {};  ///< for a million tokens by the synchronous call; a batch costs half
  std::size_t input_tokens_max = 8191;            ///< of one text
  /// Tokens of batches that may wait at the provider at once; nothing: no limit is known. It depends on the account:
  /// this is what the lowest tier that pays has.
  std::optional<std::uint64_t> enqueued_tokens_max = {};

  /// The price of a million tokens in a batch.
  [[nodiscard]] std::optional<Dollars> batch_price_per_million() const;
};

/// The model of that name, with what this program knows of it: OpenAI's embedding models, and the local embedder, which
/// costs nothing. Their tokens are those of cl100k_base.
[[nodiscard]] EmbeddingModel embedding_model(std::string_view name);

/// Whether vectors of so many numbers can be had of the model; anything can of one that is not known. `invalid_input`
/// says what can.
[[nodiscard]] Result<void> check_dimensions(const EmbeddingModel& model, std::size_t dimensions);

}  // namespace tillite
