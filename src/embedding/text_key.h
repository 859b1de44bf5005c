#pragma once

#include "ports/vector_cache.h"
#include "vectors/deltas/delta.h"

namespace tillite {

/// The key of a text under the model, dimensions and input format that a generation is bound to: SHA-256 of
/// "{model}\n{dimensions}\n{input format}\n{input_hash}", hexadecimal. Two items with one key get one vector.
[[nodiscard]] TextKey text_key(const CollectionBinding& binding, const std::string& input_hash);

}  // namespace tillite
