#include "embedding/model.h"

#include <algorithm>
#include <array>

namespace tillite {
namespace {

constexpr std::uint64_t kEnqueuedTokensOfFirstTier = 3'000'000;

struct KnownModel {
  std::string_view name;
  std::size_t dimensions;
  bool dimensions_can_be_chosen;
  Dollars price_per_million;
  std::optional<std::uint64_t> enqueued_tokens_max;
};

// OpenAI's prices and limits as published in 2025.
constexpr std::array kKnownModels = {
    KnownModel{"text-embedding-3-small", 1536, true, {20'000}, kEnqueuedTokensOfFirstTier},
    KnownModel{"text-embedding-3-large", 3072, true, {130'000}, kEnqueuedTokensOfFirstTier},
    KnownModel{"text-embedding-ada-002", 1536, false, {100'000}, kEnqueuedTokensOfFirstTier},
    KnownModel{"tillite-ngram-1", 1536, true, {0}, std::nullopt}};

/// The local embedder makes vectors of any length.
constexpr std::string_view kAnyLength = "tillite-ngram-1";

}  // namespace

std::optional<Dollars> EmbeddingModel::batch_price_per_million() const {
  if (!price_per_million) return std::nullopt;
  return Dollars{(price_per_million->millionths + 1) / 2};
}

EmbeddingModel embedding_model(std::string_view name) {
  EmbeddingModel model{.name = std::string(name)};
  const auto known = std::ranges::find(kKnownModels, name, &KnownModel::name);
  if (known == kKnownModels.end()) return model;
  model.dimensions = known->dimensions;
  model.dimensions_can_be_chosen = known->dimensions_can_be_chosen;
  model.price_per_million = known->price_per_million;
  model.enqueued_tokens_max = known->enqueued_tokens_max;
  return model;
}

Result<void> check_dimensions(const EmbeddingModel& model, std::size_t dimensions) {
  if (!model.dimensions || model.name == kAnyLength || dimensions == *model.dimensions) return {};
  if (!model.dimensions_can_be_chosen) {
    return fail(Code::invalid_input, "the vectors of {} have {} dimensions, but {} are asked for", model.name,
                *model.dimensions, dimensions);
  }
  if (dimensions > *model.dimensions) {
    return fail(Code::invalid_input, "the vectors of {} have at most {} dimensions, but {} are asked for", model.name,
                *model.dimensions, dimensions);
  }
  return {};
}

}  // namespace tillite
