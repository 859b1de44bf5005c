#include "steps/batches/model_facts.h"

namespace tillite {

EmbeddingModel facts_of(const std::string& model, const Settings& settings) {
  EmbeddingModel facts = embedding_model(model);
  const ModelSettings& told = settings.models;
  if (!told.model.empty() && told.model != model) return facts;
  if (told.price_per_million) facts.price_per_million = told.price_per_million;
  if (told.enqueued_tokens_max) facts.enqueued_tokens_max = told.enqueued_tokens_max;
  facts.input_tokens_max = told.input_tokens_max.value_or(facts.input_tokens_max);
  return facts;
}

InputLimit input_limit_of(const std::string& model, const Settings& settings) {
  return {.tokens_max = facts_of(model, settings).input_tokens_max, .too_long = settings.too_long};
}

BatchLimits batch_limits_of(const std::string& model, const Settings& settings) {
  BatchLimits limits = settings.batch;
  const auto enqueued = facts_of(model, settings).enqueued_tokens_max;
  limits.tokens_max = settings.batch_tokens_max.value_or(enqueued.value_or(limits.tokens_max));
  return limits;
}

}  // namespace tillite
