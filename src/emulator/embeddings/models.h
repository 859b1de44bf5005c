#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "embedding/embedder.h"

namespace tillite {

/// A model of embeddings that the emulator has.
struct ServedModel {
  std::string name;
  std::unique_ptr<Embedder> embedder;
  bool can_shorten = true;  ///< the parameter `dimensions` is allowed; of an unknown model it is
};

/// The models by their names. Does not change; threads: any.
class ModelCatalog {
 public:
  /// OpenAI's three.
  static constexpr std::string_view kOpenAiModels =
      "text-embedding-3-small=1536,text-embedding-3-large=3072,text-embedding-ada-002=1536";

  /// Of "NAME=DIMENSIONS,..."; `invalid_input` says which part is wrong.
  [[nodiscard]] static Result<ModelCatalog> parse(std::string_view text);

  /// nullptr if there is none.
  [[nodiscard]] const ServedModel* find(std::string_view name) const;
  [[nodiscard]] const std::vector<ServedModel>& models() const { return models_; }

 private:
  std::vector<ServedModel> models_;
};

}  // namespace tillite
