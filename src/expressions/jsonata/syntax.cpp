#include "expressions/jsonata/syntax.h"

#include <algorithm>

namespace tillite::jsonata {

std::size_t height_above(const Node& node) {
  std::size_t height = 0;
  const auto see = [&](const NodePtr& child) {
    if (child) height = std::max(height, child->height);
  };
  see(node.left);
  see(node.right);
  see(node.otherwise);
  std::ranges::for_each(node.children, see);
  for (const auto& [name, value] : node.pairs) {
    see(name);
    see(value);
  }
  for (const SortTerm& term : node.terms) see(term.expression);
  return height + 1;
}

}  // namespace tillite::jsonata
