#include "vectors/graph_links.h"

#include <algorithm>

#include "base/check.h"

namespace tillite {

GraphLinks::GraphLinks(std::size_t m, std::size_t nodes_max) : m_(m), slots0_(2 * m - 1) {
  places_.reserve(nodes_max);
  links0_.reserve(nodes_max * slots0_);
}

void GraphLinks::add(int level) {
  check(level >= 0 && level <= UINT8_MAX, "a node has a level");
  places_.push_back(
      {.upper = static_cast<std::uint32_t>(upper_counts_.size()), .level = static_cast<std::uint8_t>(level)});
  links0_.resize(places_.size() * slots0_);
  upper_counts_.resize(upper_counts_.size() + static_cast<std::size_t>(level));
  upper_.resize(upper_counts_.size() * m_);
}

std::span<const Neighbour> GraphLinks::of(Node node, int level) const {
  const Place& place = places_[node];
  if (level == 0) return {links0_.data() + node * slots0_, place.count0};
  check(level <= place.level, "a node has links on its levels only");
  const std::size_t at = place.upper + static_cast<std::size_t>(level) - 1;
  return {upper_.data() + at * m_, upper_counts_[at]};
}

GraphLinks::List GraphLinks::list(Node node, int level) {
  Place& place = places_[node];
  if (level == 0) return {links0_.data() + node * slots0_, &place.count0, slots0_};
  check(level <= place.level, "a node has links on its levels only");
  const std::size_t at = place.upper + static_cast<std::size_t>(level) - 1;
  return {upper_.data() + at * m_, &upper_counts_[at], m_};
}

void GraphLinks::set(Node node, int level, std::span<const Neighbour> neighbours) {
  const List to = list(node, level);
  check(neighbours.size() <= to.count_max, "a node has room for its links");
  std::ranges::copy(neighbours, to.links);
  *to.count = static_cast<std::uint8_t>(neighbours.size());
}

void GraphLinks::append(Node node, int level, const Neighbour& neighbour) {
  const List to = list(node, level);
  check(*to.count < to.count_max, "a node has room for one more link");
  to.links[(*to.count)++] = neighbour;
}

}  // namespace tillite
