#include "vectors/queries/collection_contents.h"

#include <algorithm>

#include "base/parallel.h"
#include "vectors/hnsw/distance.h"
#include "vectors/snapshots/nearest_labels.h"

namespace tillite {
namespace {

/// One shard of a collection, for a query.
struct SearchedShard {
  const PinnedSnapshot& snapshot;
  const ShardContents& contents;
};

/// What unmerged records make of the shard's.
LabelOverlay overlay_of(const ShardContents& contents, const Where& where) {
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

std::vector<SegmentHit> nearest_shown(const SearchedShard& shard, std::span<const float> query, std::size_t k) {
  const Segment& segment = shard.snapshot.segment();
  const ShardContents& contents = shard.contents;
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

/// The nearest k of one shard.
Result<std::vector<SegmentHit>> nearest_in(const SearchedShard& shard, std::span<const float> query, std::size_t k,
                                           const Where& where) {
  if (shard.snapshot.segment().size() == 0) return std::vector<SegmentHit>();
  if (where.matches_all()) return nearest_shown(shard, query, k);
  return shard.snapshot.nearest_matching(where, overlay_of(shard.contents, where), query, k);
}

/// The nearest k of what is not merged; of equally far ones those with the lowest ids.
std::vector<Near> nearest_unmerged(const Unmerged& unmerged, std::span<const float> query, std::size_t k,
                                   const Where& where) {
  std::vector<Near> found;
  for (const UnmergedRecord& record : unmerged.records()) {
    if (record.effect != Effect::vector || !where.matches(record.metadata, record.document)) continue;
    const auto vector = unmerged.vector_of(record);
    found.push_back({.distance = 1 - dot(query.data(), vector.data(), vector.size()), .unmerged = &record});
  }
  std::ranges::stable_sort(found, {}, &Near::distance);
  if (found.size() > k) found.resize(k);
  return found;
}

}  // namespace

void CollectionContents::connect() {
  shards.clear();
  for (const PinnedSnapshot& snapshot : version.shards()) {
    shards.emplace_back();
    shards.back().hidden.assign(snapshot.labels_given() + 1, false);
  }
  for (const UnmergedRecord& record : unmerged.records()) {
    if (record.effect == Effect::vector) ++unmerged_vectors;
    if (!record.stored_label) continue;
    ShardContents& shard = shards[record.shard];
    if (record.effect == Effect::metadata) {
      shard.relabelled.emplace(*record.stored_label, &record);
    } else {
      shard.hidden[*record.stored_label] = true;
      ++shard.hidden_count;
    }
  }
}

std::uint64_t CollectionContents::size() const {
  std::uint64_t size = unmerged_vectors;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    size += version.shards()[i].segment().size() - shards[i].hidden_count;
  }
  return size;
}

Result<std::vector<Near>> nearest(const CollectionContents& contents, std::span<const float> query, std::size_t k,
                                  const Where& where) {
  std::vector<Near> found = nearest_unmerged(contents.unmerged, query, k, where);
  std::vector<Result<std::vector<SegmentHit>>> of_shards(contents.shards.size());
  for_each_parallel(of_shards.size(), machine_threads(), [&](std::size_t i) {
    of_shards[i] = nearest_in({contents.version.shards()[i], contents.shards[i]}, query, k, where);
  });
  for (std::size_t i = 0; i < of_shards.size(); ++i) {
    for (const SegmentHit& hit : TRY(std::move(of_shards[i]))) {
      found.push_back({.distance = hit.distance, .shard = i, .label = hit.label});
    }
  }
  std::ranges::stable_sort(found, {}, &Near::distance);
  if (found.size() <= k) return found;
  const auto farther = std::ranges::upper_bound(found, found[k - 1].distance, {}, &Near::distance);
  found.erase(farther, found.end());
  return found;
}

}  // namespace tillite
