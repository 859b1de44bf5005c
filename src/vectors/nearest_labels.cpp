#include "vectors/nearest_labels.h"

#include <algorithm>

namespace tillite {
namespace {

constexpr std::size_t kCandidatesMin = 100;
// Vectors that a graph search compares for each of its candidates.
constexpr std::size_t kComparedEach = 16;

/// Whether comparing all that match costs less than passing through as much of the graph as has enough of them.
bool is_scanned(std::uint64_t matching, std::uint64_t all, std::size_t k) {
  return matching <= kScanMax || matching * matching <= kComparedEach * candidates_for(k) * all;
}

}  // namespace

std::size_t candidates_for(std::size_t k) { return std::max(kCandidatesMin, 2 * k); }

std::vector<SegmentHit> nearest_of_all(const Segment& segment, std::span<const float> query, std::size_t k) {
  if (segment.size() <= kScanMax) return segment.scan(query, k, std::nullopt);
  return segment.search(query, k, candidates_for(k), {});
}

std::vector<SegmentHit> nearest_among(const Segment& segment, std::vector<std::uint64_t> labels,
                                      std::span<const float> query, std::size_t k) {
  if (is_scanned(labels.size(), segment.size(), k)) return segment.scan(query, k, std::move(labels));
  std::vector<bool> allowed(labels.back() + 1);
  for (const std::uint64_t label : labels) allowed[label] = true;
  const auto accepts = [&](std::uint64_t label) { return label < allowed.size() && allowed[label]; };
  auto hits = segment.search(query, k, candidates_for(k), accepts);
  if (hits.size() >= std::min(k, labels.size())) return hits;
  return segment.scan(query, k, std::move(labels));
}

}  // namespace tillite
