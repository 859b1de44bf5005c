#pragma once

#include "vectors/chroma/chroma_reader.h"
#include "vectors/hnsw/segment.h"

namespace tillite {

/// So many vectors are always compared one by one.
inline constexpr std::size_t kScanMax = 2'000;

/// The candidates that a graph search keeps for `k` hits: at least as many as a Chroma server's default.
[[nodiscard]] std::size_t candidates_for(std::size_t k);

/// The nearest k of a segment, nearest first: by its graph, or compared one by one where there are few.
[[nodiscard]] std::vector<SegmentHit> nearest_of_all(const Segment& segment, std::span<const float> query,
                                                     std::size_t k);

/// The nearest k of those with one of `labels` (ascending), nearest first: by the graph if that compares fewer vectors,
/// else compared one by one.
[[nodiscard]] Result<std::vector<SegmentHit>> nearest_among(const Segment& segment, std::vector<std::uint64_t> labels,
                                                            std::span<const float> query, std::size_t k);

/// What is newer than the records in the database.
struct LabelOverlay {
  std::function<bool(std::uint64_t label)>
      covers;                           ///< the database says nothing of such a label; may be empty: of none
  std::vector<std::uint64_t> matching;  ///< covered labels that match, ascending
};

/// The nearest k of those whose records match a filter, nearest first. Where an index tells that few do, these are
/// listed and compared. Else the graph is searched, and what it has found is asked about; where that costs more than
/// comparing all matches would, because they are rare or far from the query, they are listed all the same.
[[nodiscard]] Result<std::vector<SegmentHit>> nearest_matching(const Segment& segment, ChromaReader& records,
                                                               const Where& where, const LabelOverlay& overlay,
                                                               std::span<const float> query, std::size_t k);

}  // namespace tillite
