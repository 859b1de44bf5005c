#include "emulator/embeddings/embedding_response.h"

#include <cmath>
#include <limits>

#include "embedding/vector_text.h"

namespace tillite {
namespace {

/// The first numbers of a vector, made one of unit length again, as OpenAI shortens.
std::vector<float> shortened(std::vector<float> vector, std::size_t dimensions) {
  if (vector.size() == dimensions) return vector;
  vector.resize(dimensions);
  double square = 0;
  for (const float number : vector) square += static_cast<double>(number) * static_cast<double>(number);
  if (square == 0) {
    vector[0] = 1.0F;
    return vector;
  }
  const double length = std::sqrt(square);
  for (float& number : vector) number = static_cast<float>(static_cast<double>(number) / length);
  return vector;
}

Result<void> put(ByteSink& sink, std::string_view text) { return sink.write(as_bytes(text)); }

}  // namespace

Result<void> write_embedding_response(const EmbeddingRequest& request, VectorFault fault, ByteSink& sink) {
  TRY(put(sink, R"({"object":"list","data":[)"));
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    auto vector = shortened(request.model->embedder->embed(request.inputs[i]), request.dimensions);
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
