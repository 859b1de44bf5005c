#include "emulator/embeddings/embedding_response.h"

#include <limits>

#include "embedding/vector_text.h"

namespace tillite {
namespace {

Result<void> put(ByteSink& sink, std::string_view text) { return sink.write(as_bytes(text)); }

}  // namespace

Result<void> write_embedding_response(const EmbeddingRequest& request, VectorFault fault, ByteSink& sink) {
  TRY(put(sink, R"({"object":"list","data":[)"));
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    // Not the first numbers of a longer one, as OpenAI shortens: of a sparse vector they may say nothing of the text.
    auto vector = request.model->embedder->embed(request.inputs[i], request.dimensions);
    if (fault == VectorFault::wrong_dimensions) vector.push_back(0.5F);
    if (fault == VectorFault::not_a_number) vector.back() = std::numeric_limits<float>::quiet_NaN();
    TRY(put(sink, fmt::format(R"({}{{"object":"embedding","index":{},"embedding":)", i == 0 ? "" : ",", i)));
    TRY(put(sink, vector_text(vector, request.is_base64)));
    TRY(put(sink, "}"));
  }
  return put(sink, fmt::format(R"(],"model":{},"usage":{{"prompt_tokens":{},"total_tokens":{}}}}})",
                               to_text(Json(request.model->name)), request.tokens, request.tokens));
}

}  // namespace tillite
