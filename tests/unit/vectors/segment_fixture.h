#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "embedding/embedder.h"
#include "receipts/noise.h"
#include "receipts/sample.h"
#include "support/temp_folder.h"
#include "vectors/hnsw/segment.h"
#include "vectors/records/record.h"

namespace tillite::testing {

inline constexpr std::size_t kDimensions = 256;

using Vectors = std::vector<std::vector<float>>;

/// Lines of sample receipts, with all their repeats.
inline Vectors repeated_texts(std::size_t receipts) {
  const NgramEmbedder embedder(kDimensions);
  Vectors vectors;
  for (std::uint64_t i = 0; i < receipts; ++i) {
    for (const Line& line : sample_receipt(1, i).lines) {
      if (is_noise(line.text)) continue;
      vectors.push_back(embedder.embed(line.text));
      EXPECT_TRUE(normalise(vectors.back()));
    }
  }
  return vectors;
}

inline std::vector<Sum128> hashes_of(const Vectors& vectors) {
  std::vector<Sum128> hashes;
  hashes.reserve(vectors.size());
  for (const auto& vector : vectors) hashes.push_back(vector_hash(vector));
  return hashes;
}

/// Segments of the texts of sample receipts.
class SegmentFixture : public ::testing::Test {
 protected:
  GraphSettings settings;

  /// Writes a segment of new vectors on top of a base; the facts.
  SegmentFacts write(const Path& to, const Vectors& added, std::optional<Path> base = std::nullopt,
                     std::uint64_t first_label = 1, std::vector<std::uint64_t> removed = {}) {
    SegmentChange change;
    change.base = std::move(base);
    change.removed = std::move(removed);
    change.first_new_label = first_label;
    return write(to, added, std::move(change));
  }
  /// The same of any change; its new vectors are filled in.
  SegmentFacts write(const Path& to, const Vectors& added, SegmentChange change) {
    std::string rows;
    for (const auto& vector : added)
      rows.append(reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float));
    EXPECT_TRUE(replace_file(folder / "rows", as_bytes(rows)));
    EXPECT_TRUE(make_folders(to));
    change.new_vectors = folder / "rows";
    change.new_hashes = hashes_of(added);
    change.dimensions = kDimensions;
    const auto facts = write_segment(change, settings, to);
    EXPECT_TRUE(facts) << facts.error().message();
    return *facts;
  }

  /// The share of the true 10 nearest, by distance, that the graph finds.
  static double recall(const Segment& segment, const Vectors& queries) {
    std::size_t found = 0;
    std::size_t wanted = 0;
    for (const auto& query : queries) {
      const auto exact = segment.scan(query, 10, std::nullopt);
      const auto near = segment.search(query, 10, 100, {});
      const float limit = exact.back().distance + 1e-5F;
      wanted += exact.size();
      found += static_cast<std::size_t>(
          std::ranges::count_if(near, [&](const SegmentHit& hit) { return hit.distance <= limit; }));
    }
    return static_cast<double>(found) / static_cast<double>(wanted);
  }

  TempFolder folder;
};

}  // namespace tillite::testing
