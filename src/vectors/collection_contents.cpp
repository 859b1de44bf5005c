#include "vectors/collection_contents.h"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>

#include "vectors/distance.h"

namespace tillite {
namespace {

constexpr std::size_t kScanWholeMax = 2'000;      ///< vectors that are compared one by one without a filter
constexpr std::size_t kScanFilteredMax = 20'000;  ///< matching vectors that are compared one by one
constexpr std::size_t kScanShare = 10;            ///< or this part of all vectors, whichever is more
constexpr std::size_t kEfMin = 100;

/// One shard of a collection, for a query.
struct SearchedShard {
  const PinnedSnapshot& snapshot;
  const ShardContents& contents;
};

/// The labels of the shard's records that match, newer metadata taken into account, ascending.
Result<std::vector<std::uint64_t>> matching_labels(const SearchedShard& shard, const Where& where) {
  const ShardContents& contents = shard.contents;
  auto labels = TRY(shard.snapshot.labels_matching(where));
  std::erase_if(labels,
                [&](std::uint64_t label) { return contents.is_hidden(label) || contents.relabelled.contains(label); });
  for (const auto& [label, record] : contents.relabelled) {
    if (where.matches(record->metadata, record->document)) labels.push_back(label);
  }
  std::ranges::sort(labels);
  return labels;
}

std::size_t candidates_for(std::size_t k) { return std::max(kEfMin, 2 * k); }

std::vector<SegmentHit> nearest_of_all(const SearchedShard& shard, std::span<const float> query, std::size_t k) {
  const Segment& segment = shard.snapshot.segment();
  const ShardContents& contents = shard.contents;
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

std::vector<SegmentHit> nearest_of(const SearchedShard& shard, std::vector<std::uint64_t> labels,
                                   std::span<const float> query, std::size_t k) {
  const Segment& segment = shard.snapshot.segment();
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

/// The nearest k of one shard.
Result<std::vector<SegmentHit>> nearest_in(const SearchedShard& shard, std::span<const float> query, std::size_t k,
                                           const Where& where) {
  if (shard.snapshot.segment().size() == 0) return std::vector<SegmentHit>();
  if (where.matches_all()) return nearest_of_all(shard, query, k);
  return nearest_of(shard, TRY(matching_labels(shard, where)), query, k);
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
  tbb::parallel_for(std::size_t{0}, of_shards.size(), [&](std::size_t i) {
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
