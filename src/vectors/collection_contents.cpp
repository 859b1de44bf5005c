#include "vectors/collection_contents.h"

#include <algorithm>

#include "vectors/distance.h"

namespace tillite {
namespace {

constexpr std::size_t kScanWholeMax = 2'000;      ///< vectors that are compared one by one without a filter
constexpr std::size_t kScanFilteredMax = 20'000;  ///< matching vectors that are compared one by one
constexpr std::size_t kScanShare = 10;            ///< or this part of all vectors, whichever is more
constexpr std::size_t kEfMin = 100;

/// The labels of the snapshot's records that match, newer metadata taken into account, ascending.
Result<std::vector<std::uint64_t>> matching_labels(const CollectionContents& contents, const Where& where) {
  auto labels = TRY(contents.snapshot->labels_matching(where));
  std::erase_if(labels,
                [&](std::uint64_t label) { return contents.is_hidden(label) || contents.relabelled.contains(label); });
  for (const auto& [label, record] : contents.relabelled) {
    if (where.matches(record->metadata, record->document)) labels.push_back(label);
  }
  std::ranges::sort(labels);
  return labels;
}

std::size_t candidates_for(std::size_t k) { return std::max(kEfMin, 2 * k); }

std::vector<SegmentHit> nearest_of_all(const CollectionContents& contents, std::span<const float> query,
                                       std::size_t k) {
  const Segment& segment = contents.snapshot->segment();
  const auto shown = [&](std::uint64_t label) { return !contents.is_hidden(label); };
  const auto scan = [&] {
    auto hits = segment.scan(query, k + contents.hidden_count, std::nullopt);
    std::erase_if(hits, [&](const SegmentHit& hit) { return !shown(hit.label); });
    return hits;
  };
  if (segment.size() <= kScanWholeMax) return scan();
  auto hits = contents.hidden_count == 0 ? segment.search(query, k, candidates_for(k), {})
                                         : segment.search(query, k, candidates_for(k), shown);
  // A graph search may end among hidden neighbours.
  const bool complete = hits.size() >= std::min<std::size_t>(k, segment.size() - contents.hidden_count);
  return complete ? hits : scan();
}

std::vector<SegmentHit> nearest_of(const CollectionContents& contents, std::vector<std::uint64_t> labels,
                                   std::span<const float> query, std::size_t k) {
  const Segment& segment = contents.snapshot->segment();
  if (labels.size() <= kScanFilteredMax || labels.size() < segment.size() / kScanShare) {
    return segment.scan(query, k, std::move(labels));
  }
  std::vector<bool> allowed(labels.back() + 1);
  for (const std::uint64_t label : labels) allowed[label] = true;
  const auto accepts = [&](std::uint64_t label) { return label < allowed.size() && allowed[label]; };
  auto hits = segment.search(query, k, candidates_for(k), accepts);
  if (hits.size() >= std::min(k, labels.size())) return hits;
  return segment.scan(query, k, std::move(labels));
}

}  // namespace

void CollectionContents::connect() {
  hidden.assign(snapshot ? snapshot->labels_given() + 1 : 0, false);
  for (const UnmergedRecord& record : unmerged.records()) {
    if (record.effect == Effect::vector) ++unmerged_vectors;
    if (!record.stored_label) continue;
    if (record.effect == Effect::metadata) {
      relabelled.emplace(*record.stored_label, &record);
    } else {
      hidden[*record.stored_label] = true;
      ++hidden_count;
    }
  }
}

std::uint64_t CollectionContents::size() const {
  const std::uint64_t stored = snapshot ? snapshot->segment().size() : 0;
  return stored - hidden_count + unmerged_vectors;
}

Result<std::vector<Near>> nearest(const CollectionContents& contents, std::span<const float> query, std::size_t k,
                                  const Where& where) {
  std::vector<Near> found;
  if (contents.snapshot && contents.snapshot->segment().size() > 0) {
    const auto hits = where.matches_all() ? nearest_of_all(contents, query, k)
                                          : nearest_of(contents, TRY(matching_labels(contents, where)), query, k);
    for (const SegmentHit& hit : hits) found.push_back({.distance = hit.distance, .label = hit.label});
  }
  for (const UnmergedRecord& record : contents.unmerged.records()) {
    if (record.effect != Effect::vector || !where.matches(record.metadata, record.document)) continue;
    const auto vector = contents.unmerged.vector_of(record);
    found.push_back({.distance = 1 - dot(query.data(), vector.data(), vector.size()), .unmerged = &record});
  }
  std::ranges::sort(found, {}, [](const Near& near) { return std::pair(near.distance, near.label); });
  if (found.size() > k) found.resize(k);
  return found;
}

}  // namespace tillite
