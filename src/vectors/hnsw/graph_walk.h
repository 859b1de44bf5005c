#pragma once

#include "vectors/hnsw/codes.h"
#include "vectors/hnsw/graph_links.h"
#include "vectors/hnsw/nearest_pool.h"
#include "vectors/hnsw/seen_nodes.h"

namespace tillite {

/// Fills `pool` with the nearest nodes that a level's links lead to, itself left out. `apart(nodes, distances)` tells
/// how far nodes are, by their signs.
template <typename Apart>
void walk(const GraphLinks& links, const Codes& codes, Node itself, Node from, int level, const Apart& apart,
          NearestPool& pool, SeenNodes& seen) {
  seen.start(links.size());
  seen.insert(itself);
  seen.insert(from);
  std::vector<Node> fresh = {from};
  std::vector<float> distances(links.room(level) + 1);
  const auto offer_fresh = [&] {
    apart(std::span<const Node>(fresh), std::span<float>(distances));
    for (std::size_t i = 0; i < fresh.size(); ++i) pool.offer(distances[i], fresh[i]);
  };
  offer_fresh();
  while (const auto node = pool.expand_next()) {
    fresh.clear();
    for (const Node link : links.of(*node, level)) {
      if (!seen.insert(link)) continue;
      codes.prefetch_signs(link);
      fresh.push_back(link);
    }
    if (const auto next = pool.next()) links.prefetch(*next);
    offer_fresh();
  }
}

}  // namespace tillite
