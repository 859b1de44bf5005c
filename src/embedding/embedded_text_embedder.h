#pragma once

#include "embedding/embedder.h"
#include "ports/text_embedder.h"

namespace tillite {

/// The synchronous call on this machine: an Embedder at once.
class EmbeddedTextEmbedder final : public TextEmbedder {
 public:
  explicit EmbeddedTextEmbedder(const Embedder& embedder) : embedder_(embedder) {}

  [[nodiscard]] Result<std::vector<std::vector<float>>> embed(std::string_view model, std::size_t dimensions,
                                                              std::span<const std::string> texts) override;

 private:
  const Embedder& embedder_;
};

}  // namespace tillite
