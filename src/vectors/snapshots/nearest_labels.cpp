#include "vectors/snapshots/nearest_labels.h"

#include <algorithm>
#include <cmath>

namespace tillite {
namespace {

constexpr std::size_t kCandidatesMin = 100;
// Vectors that a graph search compares for each of its candidates.
constexpr std::size_t kComparedEach = 16;

/// Up to so many matches comparing them all costs less than passing through as much of the graph as has enough of them.
std::uint64_t scanned_max(std::uint64_t all, std::size_t k) {
  const auto work = static_cast<double>(kComparedEach * candidates_for(k)) * static_cast<double>(all);
  return std::max<std::uint64_t>(kScanMax, static_cast<std::uint64_t>(std::sqrt(work)));
}

/// Searches the graph for records that the filter takes; nothing if too few were met.
Result<std::optional<std::vector<SegmentHit>>> search_asking(const Segment& segment, LabelFilter filter,
                                                             const LabelOverlay& overlay, std::span<const float> query,
                                                             std::size_t k) {
  Result<void> asked;
  const auto accepts = [&](std::uint64_t label) {
    if (overlay.covers && overlay.covers(label)) return std::ranges::binary_search(overlay.matching, label);
    const auto matches = filter.matches(label);
    if (!matches && asked) asked = std::unexpected(matches.error());
    return matches.value_or(false);
  };
  auto hits = segment.search(query, k, candidates_for(k), accepts);
  TRY(std::move(asked));
  if (hits.size() < k) return std::nullopt;
  return hits;
}

}  // namespace

std::size_t candidates_for(std::size_t k) { return std::max(kCandidatesMin, 2 * k); }

std::vector<SegmentHit> nearest_of_all(const Segment& segment, std::span<const float> query, std::size_t k) {
  if (segment.size() <= kScanMax) return segment.scan(query, k, std::nullopt);
  return segment.search(query, k, candidates_for(k), {});
}

std::vector<SegmentHit> nearest_among(const Segment& segment, std::vector<std::uint64_t> labels,
                                      std::span<const float> query, std::size_t k) {
  if (labels.size() <= scanned_max(segment.size(), k)) return segment.scan(query, k, std::move(labels));
  std::vector<bool> allowed(labels.back() + 1);
  for (const std::uint64_t label : labels) allowed[label] = true;
  const auto accepts = [&](std::uint64_t label) { return label < allowed.size() && allowed[label]; };
  auto hits = segment.search(query, k, candidates_for(k), accepts);
  if (hits.size() >= std::min(k, labels.size())) return hits;
  return segment.scan(query, k, std::move(labels));
}

Result<std::vector<SegmentHit>> nearest_matching(const Segment& segment, ChromaReader& records, const Where& where,
                                                 const LabelOverlay& overlay, std::span<const float> query,
                                                 std::size_t k) {
  if (auto filter = TRY(records.filter_of_many(where, scanned_max(segment.size(), k)))) {
    if (auto hits = TRY(search_asking(segment, *std::move(filter), overlay, query, k))) return *std::move(hits);
  }
  auto labels = TRY(records.labels_matching(where));
  if (overlay.covers) std::erase_if(labels, overlay.covers);
  const auto listed = static_cast<std::ptrdiff_t>(labels.size());
  labels.insert(labels.end(), overlay.matching.begin(), overlay.matching.end());
  std::ranges::inplace_merge(labels, labels.begin() + listed);
  return nearest_among(segment, std::move(labels), query, k);
}

}  // namespace tillite
