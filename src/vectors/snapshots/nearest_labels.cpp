#include "vectors/snapshots/nearest_labels.h"

#include <algorithm>
#include <cmath>

namespace tillite {
namespace {

constexpr std::size_t kCandidatesMin = 100;
// Vectors that a graph search compares for each of its candidates, about, and more where they are all equally far.
constexpr std::size_t kComparedEach = 16;

std::uint64_t root_of(double number) { return static_cast<std::uint64_t>(std::sqrt(number)); }

/// Up to so many matches are listed and compared: the graph is passed through until k of them are met, so the fewer
/// there are the more of it; at this number both cost the same.
std::uint64_t listed_max(std::uint64_t all, std::size_t k) {
  return std::max<std::uint64_t>(kScanMax,
                                 root_of(static_cast<double>(candidates_for(k)) * static_cast<double>(all) / 2));
}

/// The same for matches that are listed already.
std::uint64_t scanned_max(std::uint64_t all, std::size_t k) {
  return std::max<std::uint64_t>(kScanMax,
                                 root_of(static_cast<double>(candidates_for(k)) * static_cast<double>(all) * 4));
}

/// Whether these match, by what is newest.
Result<std::vector<bool>> matching(std::span<const std::uint64_t> labels, ChromaFilter& filter,
                                   const LabelOverlay& overlay) {
  auto flags = TRY(filter.matches(labels));
  if (!overlay.covers) return flags;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (overlay.covers(labels[i])) flags[i] = std::ranges::binary_search(overlay.matching, labels[i]);
  }
  return flags;
}

}  // namespace

std::size_t candidates_for(std::size_t k) { return std::max(kCandidatesMin, 2 * k); }

std::vector<SegmentHit> nearest_of_all(const Segment& segment, std::span<const float> query, std::size_t k) {
  if (segment.size() <= kScanMax) return segment.scan(query, k, std::nullopt);
  return segment.search(query, k, candidates_for(k), {});
}

Result<std::vector<SegmentHit>> nearest_among(const Segment& segment, std::vector<std::uint64_t> labels,
                                              std::span<const float> query, std::size_t k) {
  if (labels.size() <= scanned_max(segment.size(), k)) return segment.scan(query, k, std::move(labels));
  std::vector<bool> allowed(labels.back() + 1);
  for (const std::uint64_t label : labels) allowed[label] = true;
  const auto wanted = [&](std::span<const std::uint64_t> asked) -> Result<std::vector<bool>> {
    std::vector<bool> flags;
    flags.reserve(asked.size());
    for (const std::uint64_t label : asked) flags.push_back(label < allowed.size() && allowed[label]);
    return flags;
  };
  // From all over the file a comparison takes twice as long as in its order.
  auto hits = TRY(segment.search_wanted(query, k, candidates_for(k), labels.size() / 2, wanted));
  if (hits) return *std::move(hits);
  return segment.scan(query, k, std::move(labels));
}

Result<std::vector<SegmentHit>> nearest_matching(const Segment& segment, ChromaReader& records, const Where& where,
                                                 const LabelOverlay& overlay, std::span<const float> query,
                                                 std::size_t k) {
  ChromaFilter& filter = records.filter(where);
  const std::uint64_t all = segment.size();
  const std::size_t candidates = candidates_for(k);
  const std::uint64_t few = listed_max(all, k);
  if (all > kScanMax && all > kComparedEach * candidates && TRY(filter.count(few)).value_or(few + 1) > few) {
    const auto wanted = [&](std::span<const std::uint64_t> labels) { return matching(labels, filter, overlay); };
    // After so many comparisons listing the matches would have cost no more.
    const std::size_t compared_max = std::max<std::size_t>(scanned_max(all, k), kComparedEach * 3 * candidates);
    auto hits = TRY(segment.search_wanted(query, k, candidates, compared_max, wanted));
    if (hits) return *std::move(hits);
  }
  auto labels = TRY(filter.all());
  if (overlay.covers) std::erase_if(labels, overlay.covers);
  const auto listed = static_cast<std::ptrdiff_t>(labels.size());
  labels.insert(labels.end(), overlay.matching.begin(), overlay.matching.end());
  std::ranges::inplace_merge(labels, labels.begin() + listed);
  return nearest_among(segment, std::move(labels), query, k);
}

}  // namespace tillite
