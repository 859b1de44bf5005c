#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/private_pages.h"
#include "vectors/codes.h"

namespace tillite {

/// The length of a link that nobody has asked for yet.
inline constexpr float kUnmeasured = -1;

struct Neighbour {
  float distance = 0;  ///< from the node that has the link; kUnmeasured in links of a segment that was read
  Node node = 0;
  /// Of equal distances the larger node is nearer.
  bool operator<(const Neighbour& other) const {
    return distance < other.distance || (distance == other.distance && node > other.node);
  }
};

/// Whether its distance is one, or kUnmeasured.
[[nodiscard]] inline bool is_link(const Neighbour& link) {
  return link.distance == kUnmeasured || (link.distance >= 0 && link.distance < std::numeric_limits<float>::infinity());
}

/// The links of a graph's nodes with their lengths: level 0 in one array, the few upper levels in another.
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
    return (2 * m + 1) * sizeof(Neighbour) + sizeof(Place);
  }

  /// Adds a node without links.
  void add(int level);

  [[nodiscard]] std::size_t size() const { return places_.size(); }
  [[nodiscard]] std::size_t links_max(int level) const { return level == 0 ? 2 * m_ : m_; }
  [[nodiscard]] int level(Node node) const { return places_[node].level; }
  [[nodiscard]] std::span<const Neighbour> of(Node node, int level) const;
  /// Has the machine fetch the links of a node on level 0.
  void prefetch(Node node) const;
  /// How many of them, from the first on, are known to be nearer to the node than to each other.
  [[nodiscard]] std::size_t diverse(Node node, int level) const;
  /// `diverse`: see above.
  void set(Node node, int level, std::span<const Neighbour> neighbours, std::size_t diverse);
  void append(Node node, int level, const Neighbour& neighbour);

  /// All lists as a file keeps them: those of level 0 with `links_max(0)` places a node; the upper ones node by node,
  /// from level 1 up, with `links_max(1)` places each, and their counts.
  [[nodiscard]] std::span<const Neighbour> lists0() const { return links0_.values(); }
  [[nodiscard]] std::span<const Neighbour> upper_lists() const { return upper_; }
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
    Neighbour* links;
    Counts* counts;
  };
  [[nodiscard]] List list(Node node, int level);
  [[nodiscard]] std::size_t upper_list(const Place& place, int level) const;

  std::size_t m_;
  std::vector<Place> places_;
  PagedArray<Neighbour> links0_;
  std::vector<Neighbour> upper_;
  std::vector<Counts> upper_counts_;
};

}  // namespace tillite
