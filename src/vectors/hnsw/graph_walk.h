#pragma once

#include "vectors/hnsw/codes.h"
#include "vectors/hnsw/graph_links.h"
#include "vectors/hnsw/nearest_pool.h"
#include "vectors/hnsw/seen_nodes.h"

namespace tillite {

/// Fills `pool` with the nearest nodes that a level's links lead to, itself left out. `apart(nodes, distances)` tells
/// how far nodes are, by their signs.
/// The links of a node are followed before those of the node that came ahead of it are compared: the machine fetches
/// the former while it compares the latter.
template <typename Apart>
void walk(const GraphLinks& links, const Codes& codes, Node itself, Node from, int level, const Apart& apart,
          NearestPool& pool, SeenNodes& seen) {
  seen.start(links.size());
  seen.insert(itself);
  seen.insert(from);
  std::vector<Node> fetched = {from};
  std::vector<Node> coming;
  std::vector<float> distances(links.room(level) + 1);
  while (true) {
    coming.clear();
    if (const auto node = pool.expand_next()) {
      seen.insert_fresh(links.of(*node, level), coming);
      for (const Node link : coming) codes.prefetch_signs(link);
    } else if (fetched.empty()) {
      return;
    }
    if (const auto next = pool.next()) links.prefetch(*next);
    apart(std::span<const Node>(fetched), std::span<float>(distances));
    pool.offer_all(fetched, distances);
    std::swap(fetched, coming);
  }
}

}  // namespace tillite
