#pragma once

#include <string>

#include "steps/settings.h"

namespace tillite {

/// What is known of the model that a generation is bound to: of the settings' model also what they say of it, of
/// another one what this program knows.
[[nodiscard]] inline EmbeddingModel facts_of(const std::string& model, const Settings& settings) {
  return model == settings.model_facts.name ? settings.model_facts : embedding_model(model);
}

}  // namespace tillite
