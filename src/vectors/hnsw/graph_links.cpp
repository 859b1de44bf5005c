#include "vectors/hnsw/graph_links.h"

#include <algorithm>

#include "base/check.h"

namespace tillite {

GraphLinks::GraphLinks(std::size_t m, std::size_t nodes_max) : m_(m) {
  places_.reserve(nodes_max);
  links0_.reserve(nodes_max * room(0));
}

void GraphLinks::add(int level) {
  check(level >= 0 && level <= UINT8_MAX, "a node has a level");
  places_.push_back({.upper = static_cast<std::uint32_t>(upper_counts_.size()),
                     .level = static_cast<std::uint8_t>(level),
                     .counts0 = {}});
  links0_.resize(places_.size() * room(0));
  upper_counts_.resize(upper_counts_.size() + static_cast<std::size_t>(level));
  upper_.resize(upper_counts_.size() * room(1));
}

Result<void> GraphLinks::take_over(const File& file, std::uint64_t offset, std::span<const Counts> counts) {
  check(counts.size() == size(), "each node has counts");
  TRY(links0_.take_over(file, offset, size() * room(0)));
  for (Node node = 0; node < size(); ++node) {
    check(counts[node].links <= links_max(0) && counts[node].diverse <= counts[node].links,
          "a node has room for links");
    places_[node].counts0 = counts[node];
    if (std::ranges::any_of(of(node, 0), [&](Node link) { return link >= size(); })) {
      return fail(Code::corrupt, "{} has a link that leads nowhere", file.path().string());
    }
  }
  return {};
}

std::size_t GraphLinks::upper_list(const Place& place, int level) const {
  check(level >= 1 && level <= place.level, "a node has links on its levels only");
  return place.upper + static_cast<std::size_t>(level) - 1;
}

void GraphLinks::prefetch(Node node) const {
  constexpr std::size_t kLineLinks = 64 / sizeof(Node);
  __builtin_prefetch(&places_[node]);
  const Node* links = links0_.data() + node * room(0);
  for (std::size_t i = 0; i < links_max(0); i += kLineLinks) __builtin_prefetch(links + i);
}

std::size_t GraphLinks::diverse(Node node, int level) const {
  const Place& place = places_[node];
  return level == 0 ? place.counts0.diverse : upper_counts_[upper_list(place, level)].diverse;
}

GraphLinks::List GraphLinks::list(Node node, int level) {
  Place& place = places_[node];
  if (level == 0) return {links0_.data() + node * room(0), &place.counts0};
  const std::size_t at = upper_list(place, level);
  return {upper_.data() + at * room(1), &upper_counts_[at]};
}

void GraphLinks::set(Node node, int level, std::span<const Node> neighbours, std::size_t diverse) {
  check(neighbours.size() <= room(level) && diverse <= neighbours.size(), "a node has room for its links");
  const List to = list(node, level);
  std::ranges::copy(neighbours, to.links);
  *to.counts = {.links = static_cast<std::uint8_t>(neighbours.size()), .diverse = static_cast<std::uint8_t>(diverse)};
}

void GraphLinks::append(Node node, int level, Node neighbour) {
  const List to = list(node, level);
  check(to.counts->links < room(level), "a node has room for one more link");
  to.links[to.counts->links++] = neighbour;
}

}  // namespace tillite
