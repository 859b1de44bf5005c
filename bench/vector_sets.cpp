#include "vector_sets.h"

#include <queue>
#include <random>

#include "base/parallel.h"
#include "embedding/embedder.h"
#include "embedding/input_format.h"
#include "receipts/receipt_reader.h"
#include "vectors/hnsw/distance.h"
#include "vectors/records/record.h"

namespace tillite::bench {
namespace {

constexpr std::size_t kClusters = 100;
constexpr float kSpread = 0.5F;  // of a cluster, against 1 of the centres

using NextVector = std::function<std::vector<float>()>;

VectorSet drawn(std::string name, const Path& folder, std::uint64_t count, std::size_t queries,
                const NextVector& next) {
  VectorSet set{.name = std::move(name), .rows = folder / "rows.f32", .count = count, .hashes = {}, .queries = {}};
  FileSink sink(must(File::create(set.rows)));
  const auto unit = [&] {
    auto vector = next();
    must(normalise(vector));
    return vector;
  };
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto vector = unit();
    must(sink.write(std::as_bytes(std::span(vector))));
    set.hashes.push_back(vector_hash(vector));
  }
  must(sink.flush());
  for (std::size_t i = 0; i < queries; ++i) set.queries.push_back(unit());
  return set;
}

std::vector<std::string> texts_of(const Path& receipts, InputFormat format) {
  const auto source = must(file_source(receipts));
  ReceiptReader reader(*source, receipts.string());
  std::vector<std::string> texts;
  while (true) {
    const auto next = must(reader.next());
    if (!next.receipt && !next.bad) return texts;
    if (!next.receipt) continue;
    for (auto& [id, text] : embedding_inputs(*next.receipt, format)) texts.push_back(std::move(text));
  }
}

VectorSet embedded(std::string name, const Path& folder, const std::vector<std::string>& texts, std::uint64_t count,
                   std::size_t queries) {
  const NgramEmbedder embedder(kDimensions);
  if (count == 0 || count > texts.size()) count = texts.size();
  std::size_t next = 0;
  VectorSet set = drawn(std::move(name), folder, count, 0, [&] { return embedder.embed(texts[next++]); });
  std::mt19937_64 random(3);
  for (std::size_t i = 0; i < queries; ++i) {
    set.queries.push_back(embedder.embed(texts[random() % count]));
    must(normalise(set.queries.back()));
  }
  return set;
}

}  // namespace

VectorSet clustered_vectors(const Path& folder, std::uint64_t count, std::size_t queries) {
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  Vectors centres(kClusters, std::vector<float>(kDimensions));
  for (auto& centre : centres) std::ranges::generate(centre, [&] { return normal(random); });
  return drawn("clustered", folder, count, queries, [&] {
    std::vector<float> vector = centres[random() % kClusters];
    for (float& number : vector) number += normal(random) * kSpread;
    return vector;
  });
}

VectorSet gaussian_vectors(const Path& folder, std::uint64_t count, std::size_t queries) {
  std::mt19937_64 random(2);
  std::normal_distribution<float> normal;
  return drawn("gaussian", folder, count, queries, [&] {
    std::vector<float> vector(kDimensions);
    std::ranges::generate(vector, [&] { return normal(random); });
    return vector;
  });
}

VectorSet line_vectors(const Path& folder, const Path& receipts, std::uint64_t count, std::size_t queries) {
  return embedded("lines", folder, texts_of(receipts, InputFormat::line_plain_1), count, queries);
}

VectorSet word_vectors(const Path& folder, const Path& receipts, std::uint64_t count, std::size_t queries) {
  return embedded("words", folder, texts_of(receipts, InputFormat::word_context_1), count, queries);
}

std::vector<float> kth_distances(const VectorSet& set, std::size_t k,
                                 const std::function<bool(std::uint64_t row)>& keeps) {
  const MappedFile rows = must(MappedFile::open(set.rows));
  const auto* numbers = reinterpret_cast<const float*>(rows.bytes().data());
  std::vector<float> distances(set.queries.size());
  for_each_parallel(set.queries.size(), machine_threads(), [&](std::size_t query) {
    std::priority_queue<float> nearest;
    for (std::uint64_t row = 0; row < set.count; ++row) {
      if (keeps && !keeps(row)) continue;
      nearest.push(1 - dot(set.queries[query].data(), numbers + row * kDimensions, kDimensions));
      if (nearest.size() > k) nearest.pop();
    }
    distances[query] = nearest.top();
  });
  return distances;
}

}  // namespace tillite::bench
