#pragma once

#include "base/bytes.h"
#include "emulator/embeddings/embedding_request.h"

namespace tillite {

/// What is wrong with the vectors on purpose.
enum class VectorFault { none, wrong_dimensions, not_a_number };

/// Writes the body of the answer to a request: {"object": "list", "data": [...], "model", "usage"}. A vector at a time:
/// the answer to many inputs is large.
[[nodiscard]] Result<void> write_embedding_response(const EmbeddingRequest& request, VectorFault fault, ByteSink& sink);

}  // namespace tillite
