#pragma once

#include "adapters/openai/openai_client.h"
#include "ports/text_embedder.h"

namespace tillite {

/// POST /v1/embeddings.
class OpenAiTextEmbedder final : public TextEmbedder {
 public:
  /// The client must outlive this object.
  explicit OpenAiTextEmbedder(OpenAiClient& client) : client_(client) {}

  /// One call for as many texts as are below kTokensMax for certain: a token has a byte at least.
  [[nodiscard]] Result<std::vector<std::vector<float>>> embed(std::string_view model, std::size_t dimensions,
                                                              std::span<const std::string> texts) override;

 private:
  [[nodiscard]] Result<std::vector<std::vector<float>>> embed_at_once(std::string_view model, std::size_t dimensions,
                                                                      std::span<const std::string> texts);

  OpenAiClient& client_;
};

}  // namespace tillite
