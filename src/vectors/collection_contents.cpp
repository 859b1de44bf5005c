#include "vectors/collection_contents.h"

#include <algorithm>

#include "vectors/distance.h"
#include "vectors/nearest_labels.h"

namespace tillite {
namespace {

/// What unmerged records make of the snapshot's.
LabelOverlay overlay_of(const CollectionContents& contents, const Where& where) {
  LabelOverlay overlay;
  if (contents.hidden_count == 0 && contents.relabelled.empty()) return overlay;
  overlay.covers = [&](std::uint64_t label) {
    return contents.is_hidden(label) || contents.relabelled.contains(label);
  };
  for (const auto& [label, record] : contents.relabelled) {
    if (where.matches(record->metadata, record->document)) overlay.matching.push_back(label);
  }
  std::ranges::sort(overlay.matching);
  return overlay;
}

std::vector<SegmentHit> nearest_shown(const CollectionContents& contents, std::span<const float> query, std::size_t k) {
  const Segment& segment = contents.snapshot->segment();
  if (contents.hidden_count == 0) return nearest_of_all(segment, query, k);
  const auto shown = [&](std::uint64_t label) { return !contents.is_hidden(label); };
  if (segment.size() > kScanMax) {
    auto hits = segment.search(query, k, candidates_for(k), shown);
    // A graph search may end among hidden neighbours.
    if (hits.size() >= std::min<std::size_t>(k, segment.size() - contents.hidden_count)) return hits;
  }
  auto hits = segment.scan(query, k + contents.hidden_count, std::nullopt);
  std::erase_if(hits, [&](const SegmentHit& hit) { return !shown(hit.label); });
  return hits;
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
    const auto hits = where.matches_all()
                          ? nearest_shown(contents, query, k)
                          : TRY(contents.snapshot->nearest_matching(where, overlay_of(contents, where), query, k));
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
