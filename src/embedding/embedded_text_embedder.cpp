#include "embedding/embedded_text_embedder.h"

namespace tillite {

Result<std::vector<std::vector<float>>> EmbeddedTextEmbedder::embed(std::string_view model, std::size_t dimensions,
                                                                    std::span<const std::string> texts) {
  if (model != embedder_.model() || dimensions == 0) {
    return fail(Code::invalid_input, "the local embedder is {}, but {} with {} dimensions is asked for",
                embedder_.model(), model, dimensions);
  }
  if (texts.empty() || texts.size() > kTextsMax) {
    return fail(Code::invalid_input, "{} texts in a call; 1 to {} are allowed", texts.size(), kTextsMax);
  }
  std::vector<std::vector<float>> vectors;
  vectors.reserve(texts.size());
  for (const std::string& text : texts) {
    if (text.empty()) return fail(Code::invalid_input, "text {} of {} is empty", vectors.size() + 1, texts.size());
    vectors.push_back(embedder_.embed(text, dimensions));
  }
  return vectors;
}

}  // namespace tillite
