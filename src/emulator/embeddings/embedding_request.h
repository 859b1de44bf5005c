#pragma once

#include <string>
#include <vector>

#include "emulator/api_error.h"
#include "emulator/embeddings/models.h"

namespace tillite {

/// The body of a request of /v1/embeddings, checked.
struct EmbeddingRequest {
  static constexpr std::size_t kInputsMax = 2048;
  static constexpr std::size_t kInputTokensMax = 8191;
  static constexpr std::size_t kTokensMax = 300'000;  ///< of all inputs

  const ServedModel* model = nullptr;
  std::vector<std::string> inputs;  ///< a list of tokens as a text that stands for it
  std::size_t tokens = 0;
  std::size_t dimensions = 0;
  bool is_base64 = false;
};

/// The errors are OpenAI's. `model` must outlive what is returned.
[[nodiscard]] ApiResult<EmbeddingRequest> parse_embedding_request(const Json& body, const ModelCatalog& models);

/// How many inputs a body asks for, whatever is wrong with it: a text or a list of tokens is one.
[[nodiscard]] std::size_t count_inputs(const Json& body);

}  // namespace tillite
