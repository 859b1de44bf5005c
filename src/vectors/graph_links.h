#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vectors/codes.h"

namespace tillite {

struct Neighbour {
  float distance = 0;  ///< from the node that has the link
  Node node = 0;
  /// Of equal distances the larger node is nearer.
  bool operator<(const Neighbour& other) const {
    return distance < other.distance || (distance == other.distance && node > other.node);
  }
};

/// The links of a graph's nodes with their lengths: level 0 in one array, the few upper levels in another.
class GraphLinks {
 public:
  /// `m`: links on an upper level. Level 0 has twice that less one, which is kept for a copy of the node's vector; one
  /// more of them is set by a repair only.
  GraphLinks(std::size_t m, std::size_t nodes_max);

  /// Adds a node without links.
  void add(int level);

  [[nodiscard]] std::size_t size() const { return places_.size(); }
  [[nodiscard]] std::size_t links0_max() const { return slots0_ - 1; }
  [[nodiscard]] int level(Node node) const { return places_[node].level; }
  [[nodiscard]] std::span<const Neighbour> of(Node node, int level) const;
  void set(Node node, int level, std::span<const Neighbour> neighbours);
  void append(Node node, int level, const Neighbour& neighbour);

 private:
  struct Place {
    std::uint32_t upper = 0;  ///< where its first upper list is
    std::uint8_t level = 0;
    std::uint8_t count0 = 0;
  };
  struct List {
    Neighbour* links;
    std::uint8_t* count;
    std::size_t count_max;
  };
  [[nodiscard]] List list(Node node, int level);

  std::size_t m_;
  std::size_t slots0_;
  std::vector<Place> places_;
  std::vector<Neighbour> links0_;
  std::vector<Neighbour> upper_;
  std::vector<std::uint8_t> upper_counts_;
};

}  // namespace tillite
