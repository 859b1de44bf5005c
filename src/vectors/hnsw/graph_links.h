#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/private_pages.h"
#include "vectors/hnsw/codes.h"

namespace tillite {

struct Neighbour {
  float distance = 0;  ///< from the node whose neighbour it is
  Node node = 0;
  /// Of equal distances the larger node is nearer.
  bool operator<(const Neighbour& other) const {
    return distance < other.distance || (distance == other.distance && node > other.node);
  }
};

/// The links of a graph's nodes: level 0 in one array, the few upper levels in another. While a graph grows a list may
/// have more links than at its end, so that lists need not be cut at each new one.
class GraphLinks {
 public:
  /// How many links a list has, and how many of them, from the first on, are known to be diverse.
  struct Counts {
    std::uint8_t links = 0;
    std::uint8_t diverse = 0;
  };

  /// `m`: links on an upper level, half of those on level 0.
  GraphLinks(std::size_t m, std::size_t nodes_max);

  /// About the memory of a node, upper levels included.
  [[nodiscard]] static std::size_t bytes_of_node(std::size_t m) {
    return (room_of(2 * m) + 1) * sizeof(Node) + sizeof(Place);
  }

  /// Adds a node without links.
  void add(int level);

  [[nodiscard]] std::size_t size() const { return places_.size(); }
  [[nodiscard]] std::size_t links_max(int level) const { return level == 0 ? 2 * m_ : m_; }
  /// How many links fit while the graph grows.
  [[nodiscard]] std::size_t room(int level) const { return room_of(links_max(level)); }
  [[nodiscard]] static constexpr std::size_t room_of(std::size_t links_max) { return links_max + links_max / 2; }
  [[nodiscard]] int level(Node node) const { return places_[node].level; }
  [[nodiscard]] std::span<const Node> of(Node node, int level) const {
    const Place& place = places_[node];
    if (level == 0) return {links0_.data() + node * room(0), place.counts0.links};
    const std::size_t at = upper_list(place, level);
    return {upper_.data() + at * room(1), upper_counts_[at].links};
  }
  /// Has the machine fetch the links of a node on level 0.
  void prefetch(Node node) const;
  /// How many of them, from the first on, are known to be nearer to the node than to each other.
  [[nodiscard]] std::size_t diverse(Node node, int level) const;
  /// `diverse`: see above.
  void set(Node node, int level, std::span<const Node> neighbours, std::size_t diverse);
  void append(Node node, int level, Node neighbour);

  /// All lists as a file keeps them: those of level 0 with `room(0)` places a node; the upper ones node by node, from
  /// level 1 up, with `room(1)` places each, and their counts.
  [[nodiscard]] std::span<const Node> lists0() const { return links0_.values(); }
  [[nodiscard]] std::span<const Node> upper_lists() const { return upper_; }
  [[nodiscard]] std::span<const Counts> upper_counts() const { return upper_counts_; }
  /// Takes over the lists of level 0 from a file, for nodes that were added without links: `counts` by node. `corrupt`
  /// if a link leads nowhere.
  [[nodiscard]] Result<void> take_over(const File& file, std::uint64_t offset, std::span<const Counts> counts);

 private:
  struct Place {
    std::uint32_t upper = 0;  ///< where its first upper list is
    std::uint8_t level = 0;
    Counts counts0;
  };
  struct List {
    Node* links;
    Counts* counts;
  };
  [[nodiscard]] List list(Node node, int level);
  [[nodiscard]] std::size_t upper_list(const Place& place, int level) const;

  std::size_t m_;
  std::vector<Place> places_;
  PagedArray<Node> links0_;
  std::vector<Node> upper_;
  std::vector<Counts> upper_counts_;
};

}  // namespace tillite
