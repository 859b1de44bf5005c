#include "embedding/query_vector.h"

#include "embedding/input_format.h"
#include "embedding/text_key.h"

namespace tillite {

Result<std::vector<float>> query_vector(const std::string& text, const CollectionBinding& binding, TextEmbedder& texts,
                                        VectorCache& cache, const Logger& log) {
  const TextKey key = text_key(binding, input_hash(text));
  auto kept = cache.read(std::span(&key, 1));
  if (!kept) log.warning("the vectors that were kept cannot be read", {{"error", kept.error().message()}});
  if (kept && kept->front() && kept->front()->size() == binding.dimensions) return *std::move(kept->front());

  auto vectors = TRY(texts.embed(binding.model, binding.dimensions, std::span(&text, 1)));
  const CachedVector vector{.key = key, .vector = std::move(vectors.front())};
  if (const auto done = cache.keep(std::span(&vector, 1)); !done) {
    log.warning("a vector cannot be kept", {{"error", done.error().message()}});
  }
  return vector.vector;
}

}  // namespace tillite
