#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/sqlite.h"
#include "home_content.h"
#include "vectors/chroma/chroma_reader.h"
#include "vectors/hnsw/distance.h"
#include "vectors/hnsw/segment.h"

namespace tillite::testing {

/// A directory that `snapshot export` wrote and no server has changed yet.
class ExportedCollection {
 public:
  struct Element {
    std::uint64_t label = 0;
    std::string id;
  };

  explicit ExportedCollection(const Path& folder)
      : segment_(must(Segment::open(folder / must(ChromaReader::open(folder / "chroma.sqlite3")).vector_segment()))) {
    const SQLite::Database database((folder / "chroma.sqlite3").string());
    SQLite::Statement rows(database, "SELECT id, embedding_id FROM embeddings ORDER BY id");
    while (rows.executeStep()) {
      elements_.push_back({static_cast<std::uint64_t>(rows.getColumn(0).getInt64()), rows.getColumn(1).getString()});
    }
  }

  [[nodiscard]] const Segment& segment() const { return segment_; }
  [[nodiscard]] const std::vector<Element>& elements() const { return elements_; }
  [[nodiscard]] std::vector<float> vector_of(const Element& element) const {
    return segment_.vector_of(element.label).value();
  }

  /// Some of the elements, the same for the same seed.
  [[nodiscard]] std::vector<Element> sample(std::size_t count, std::uint64_t seed) const {
    std::vector<Element> chosen;
    std::ranges::sample(elements_, std::back_inserter(chosen), static_cast<std::ptrdiff_t>(count),
                        std::mt19937_64(seed));
    return chosen;
  }

  /// The distances of each query's nearest ten, by comparing with everything.
  [[nodiscard]] std::vector<std::vector<float>> nearest_ten(const std::vector<std::vector<float>>& queries) const {
    constexpr std::size_t k = 10;
    std::vector<std::vector<float>> nearest(queries.size());
    for (const Element& element : elements_) {
      const auto vector = vector_of(element);
      for (std::size_t i = 0; i < queries.size(); ++i) {
        auto& heap = nearest[i];
        const float distance = 1 - dot(queries[i].data(), vector.data(), vector.size());
        if (heap.size() == k && distance >= heap.front()) continue;
        if (heap.size() == k) {
          std::ranges::pop_heap(heap);
          heap.pop_back();
        }
        heap.push_back(distance);
        std::ranges::push_heap(heap);
      }
    }
    for (auto& heap : nearest) std::ranges::sort_heap(heap);
    return nearest;
  }

 private:
  Segment segment_;
  std::vector<Element> elements_;
};

}  // namespace tillite::testing
