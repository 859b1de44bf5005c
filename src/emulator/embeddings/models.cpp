#include "emulator/embeddings/models.h"

#include <algorithm>
#include <charconv>

#include "embedding/model.h"

namespace tillite {
namespace {

constexpr std::size_t kDimensionsMax = 8192;

bool can_shorten(std::string_view name) {
  const EmbeddingModel model = embedding_model(name);
  return !model.dimensions || model.dimensions_can_be_chosen;
}

}  // namespace

Result<ModelCatalog> ModelCatalog::parse(std::string_view text) {
  ModelCatalog catalog;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, std::min(equals, part.size()));
    const std::string_view number = equals == std::string_view::npos ? "" : part.substr(equals + 1);
    std::size_t dimensions = 0;
    const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), dimensions);
    const bool is_number = error == std::errc() && stop == number.data() + number.size();
    if (name.empty() || !is_number || dimensions == 0 || dimensions > kDimensionsMax) {
      return fail(Code::invalid_input, "'{}' is no model: write NAME=DIMENSIONS with 1 to {} dimensions",
                  part.substr(0, 80), kDimensionsMax);
    }
    if (catalog.find(name) != nullptr) return fail(Code::invalid_input, "the model '{}' is there twice", name);
    catalog.models_.push_back({.name = std::string(name),
                               .embedder = std::make_unique<NgramEmbedder>(dimensions),
                               .can_shorten = can_shorten(name)});
  }
  if (catalog.models_.empty()) return fail(Code::invalid_input, "name a model at least, as in NAME=1536");
  return catalog;
}

const ServedModel* ModelCatalog::find(std::string_view name) const {
  const auto found = std::ranges::find(models_, name, &ServedModel::name);
  return found == models_.end() ? nullptr : &*found;
}

}  // namespace tillite
