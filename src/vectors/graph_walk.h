#pragma once

#include "vectors/codes.h"
#include "vectors/graph_links.h"
#include "vectors/nearest_pool.h"
#include "vectors/seen_nodes.h"

namespace tillite {

/// Fills `pool` with the nearest nodes that a level's links lead to, itself left out. `apart(node)` tells how far a
/// node is, by its signs.
template <typename Apart>
void walk(const GraphLinks& links, const Codes& codes, Node itself, Node from, int level, const Apart& apart,
          NearestPool& pool, SeenNodes& seen) {
  seen.start(links.size());
  seen.insert(itself);
  seen.insert(from);
  pool.offer(apart(from), from);
  std::vector<Node> fresh;
  while (const auto node = pool.expand_next()) {
    fresh.clear();
    for (const Neighbour& link : links.of(*node, level)) {
      if (!seen.insert(link.node)) continue;
      codes.prefetch_signs(link.node);
      fresh.push_back(link.node);
    }
    if (const auto next = pool.next()) links.prefetch(*next);
    for (const Node other : fresh) pool.offer(apart(other), other);
  }
}

}  // namespace tillite
