#pragma once

#include "vectors/hnsw/graph_links.h"

namespace tillite {

/// Greedily from `entry` on the top level down to just above `to_level`. `apart(node)` tells how far a node is.
template <typename Apart>
[[nodiscard]] Node descend(const GraphLinks& links, Node entry, int to_level, const Apart& apart) {
  Node nearest = entry;
  auto least = apart(nearest);
  for (int level = links.level(entry); level > to_level; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      for (const Node link : links.of(nearest, level)) {
        const auto distance = apart(link);
        if (!(distance < least)) continue;
        least = distance;
        nearest = link;
        moved = true;
      }
    }
  }
  return nearest;
}

}  // namespace tillite
