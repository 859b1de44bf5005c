#pragma once

#include <string>

#include "steps/settings.h"

namespace tillite {

// What counts for the texts of a generation: facts of the model that it is bound to, which need be neither the
// settings' model nor that of another collection.

/// What the settings say of a model, else what this program knows of it.
[[nodiscard]] EmbeddingModel facts_of(const std::string& model, const Settings& settings);

/// How long a text for the model may be, and what becomes of one that is longer.
[[nodiscard]] InputLimit input_limit_of(const std::string& model, const Settings& settings);

/// How large its batches may be. One with more tokens than may be enqueued would wait until nothing else is.
[[nodiscard]] BatchLimits batch_limits_of(const std::string& model, const Settings& settings);

}  // namespace tillite
