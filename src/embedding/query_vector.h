#pragma once

#include "base/log.h"
#include "ports/text_embedder.h"
#include "ports/vector_cache.h"
#include "vectors/deltas/delta.h"

namespace tillite {

/// The vector of a text that is looked for, as the collection's model makes it: from the cache, or by a synchronous
/// call, after which the cache has it. A cache that does not work is logged and done without. Errors: as
/// TextEmbedder's.
[[nodiscard]] Result<std::vector<float>> query_vector(const std::string& text, const CollectionBinding& binding,
                                                      TextEmbedder& texts, VectorCache& cache, const Logger& log);

}  // namespace tillite
