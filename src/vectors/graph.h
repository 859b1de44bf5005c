#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vectors/segment.h"

namespace tillite {

using Node = std::uint32_t;

/// Vectors as int8 with a scale each: a quarter of the memory, and dot products that are near enough to build a graph
/// on.
class Codes {
 public:
  explicit Codes(std::size_t dimensions) : dimensions_(dimensions) {}
  /// The number of the new code.
  std::uint32_t add(std::span<const float> vector);
  /// 1 - dot product, of the codes.
  [[nodiscard]] float distance(std::uint32_t a, std::uint32_t b) const;

 private:
  static constexpr std::size_t kBlock = 1024;  ///< codes that are kept together: growing never copies what is there
  [[nodiscard]] const std::int8_t* at(std::uint32_t code) const {
    return blocks_[code / kBlock].data() + code % kBlock * dimensions_;
  }

  std::size_t dimensions_;
  std::vector<std::vector<std::int8_t>> blocks_;
  std::vector<float> scales_;
};

/// An HNSW graph over distinct vectors (Malkov and Yashunin, arXiv 1603.09320; neighbours by the heuristic of its
/// algorithm 4), built on codes. Level 0 keeps two link slots of a node free: one for copies of its text, one for a
/// repair.
class Graph {
 public:
  Graph(std::size_t dimensions, const GraphSettings& settings);

  [[nodiscard]] std::size_t size() const { return levels_.size(); }
  [[nodiscard]] std::size_t links0_max() const { return 2 * settings_.m; }
  [[nodiscard]] int max_level() const { return max_level_; }
  [[nodiscard]] Node entry() const { return entry_; }
  [[nodiscard]] int level(Node node) const { return levels_[node]; }
  [[nodiscard]] const std::vector<Node>& links(Node node, int level) const {
    return links_[node][static_cast<std::size_t>(level)];
  }

  /// Adds a node whose links are known (of a segment that is read); its links may name nodes that come later.
  Node add_linked(std::span<const float> vector, std::vector<std::vector<Node>> links);
  /// Replaces the links of a node on a level that it has.
  void set_links(Node node, int level, std::vector<Node> links) {
    links_[node][static_cast<std::size_t>(level)] = std::move(links);
  }
  void set_entry(Node entry, int max_level);
  /// Adds a node and links it.
  Node insert(std::span<const float> vector);
  /// Makes every node reachable on level 0 from the entry; how many needed a link for it.
  std::size_t repair();

 private:
  struct Candidate {
    float distance;
    Node node;
    // Of equal distances the larger id is nearer: the other way round leaves duplicates unreachable.
    bool operator<(const Candidate& other) const {
      return distance < other.distance || (distance == other.distance && node > other.node);
    }
  };

  [[nodiscard]] int draw_level(Node node) const;
  [[nodiscard]] float distance(Node a, Node b) const { return codes_.distance(a, b); }
  [[nodiscard]] Node descend(Node target, Node from, int from_level, int to_level) const;
  [[nodiscard]] std::vector<Candidate> search(Node target, Node from, int level, std::size_t ef);
  [[nodiscard]] std::vector<Candidate> select(std::vector<Candidate> candidates, std::size_t count) const;
  void link(Node node, const std::vector<Candidate>& neighbours, int level);
  [[nodiscard]] std::size_t links_max(int level) const { return level == 0 ? 2 * settings_.m - 2 : settings_.m; }
  void mark_reachable(Node from, std::vector<bool>& reachable) const;

  GraphSettings settings_;
  Codes codes_;
  std::vector<int> levels_;
  std::vector<std::vector<std::vector<Node>>> links_;  ///< by node and level
  int max_level_ = -1;
  Node entry_ = 0;
  std::vector<std::uint32_t> visited_;  ///< the number of the search that last saw a node
  std::uint32_t search_number_ = 0;
};

}  // namespace tillite
