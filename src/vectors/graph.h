#pragma once

#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/task_arena.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "vectors/codes.h"
#include "vectors/graph_links.h"
#include "vectors/nearest_pool.h"
#include "vectors/seen_nodes.h"
#include "vectors/segment.h"

namespace tillite {

constexpr std::size_t kCopyJumps = 4;  // ways out of a crowd of copies, which fills a beam

/// An HNSW graph over distinct vectors (Malkov and Yashunin, arXiv 1603.09320; neighbours by the heuristic of its
/// algorithm 4), built on codes: signs lead the search, int8 numbers choose the neighbours.
/// Nodes are linked in batches: each searches the graph as it was before its batch, and sees the others of the batch by
/// comparing with them all. So threads share nothing that changes, and their number does not change the graph.
class Graph {
 public:
  /// `centre`: about the mean of the vectors. `nodes_max`: how many nodes may come.
  Graph(std::vector<float> centre, std::size_t nodes_max, const GraphSettings& settings);

  [[nodiscard]] std::size_t size() const { return links_.size(); }
  [[nodiscard]] int max_level() const { return max_level_; }
  [[nodiscard]] Node entry() const { return entry_; }
  [[nodiscard]] const GraphLinks& links() const { return links_; }

  /// Adds a node whose links are known (of a segment that is read); its links may name nodes that come later.
  Node add_linked(std::span<const float> vector, int level);
  /// Replaces the links of a node on a level that it has.
  void set_links(Node node, int level, std::span<const Node> neighbours);
  void set_entry(Node entry, int max_level);

  /// Adds a node; it is linked together with others, at the latest by link_all().
  Node add(std::span<const float> vector);
  void link_all();
  /// Notes that one more vector equals the node's. A reader's search meets them all, so they crowd its beam.
  void add_copy(Node node) { ++copies_[node]; }
  /// The nodes that a copy links to, besides its representative and other copies.
  [[nodiscard]] std::array<Node, kCopyJumps> jumps(Node node, std::uint32_t copy) const;
  /// Searches every node from `first` on as a reader would, and gives those that are not found a link from where their
  /// search has ended, in a few rounds; how many were not found in the last, before their new link.
  std::size_t make_findable(Node first);
  /// Makes every node reachable on level 0 from the entry; how many needed a link for it.
  std::size_t repair();

 private:
  /// What one thread needs to search.
  struct Search {
    NearestPool pool;
    SeenNodes seen;
    std::vector<std::pair<Node, std::uint32_t>> copies;  ///< that the search has met, with their nodes
  };
  /// A link to be set from `target` back to the node that chose it.
  struct BackLink {
    int level = 0;
    Node target = 0;
    Neighbour source;
  };
  using Neighbours = std::vector<Neighbour>;

  [[nodiscard]] int draw_level(Node node) const;
  void encode_batch(Node first);
  [[nodiscard]] std::vector<Neighbours> choose(Node node, Node batch_first, Search& search) const;
  [[nodiscard]] Node descend_by_signs(Node target, int to_level) const;
  void walk(Node target, Node from, int level, Search& search) const;
  [[nodiscard]] bool finds(Node target, Search& search) const;
  void link_from(const Neighbours& nearest, Node node);
  void offer_batch(Node target, Node batch_first, int level, Search& search) const;
  [[nodiscard]] Neighbours nodes_by_numbers(Node target, const NearestPool& pool) const;
  [[nodiscard]] Neighbours select(const Neighbours& candidates, std::size_t count, std::size_t least) const;
  void link_back(const std::vector<std::vector<Neighbours>>& chosen, Node batch_first);
  void add_back_links(std::span<const BackLink> links);
  [[nodiscard]] std::size_t links_max(int level) const { return level == 0 ? links_.links0_max() : settings_.m; }
  void mark_reachable(Node from, std::vector<bool>& reachable) const;

  GraphSettings settings_;
  Codes codes_;
  GraphLinks links_;
  int max_level_ = -1;
  Node entry_ = 0;
  std::vector<std::uint32_t> copies_;  ///< by node
  std::vector<float> batch_;           ///< the vectors of the last nodes, which are not linked yet
  tbb::task_arena threads_;
  mutable tbb::enumerable_thread_specific<Search> searches_;
};

}  // namespace tillite
