#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/thread_team.h"
#include "vectors/hnsw/code_group.h"
#include "vectors/hnsw/graph_links.h"

namespace tillite {

/// Nodes of a graph, each in the cell of one of the nearest of some nodes that are pivots: what is near a vector is in
/// the cells whose pivots are near it (the inverted file of Jegou, Douze and Schmid, "Product quantization for nearest
/// neighbor search", 2011). Pivots are drawn, and where a cluster has none, one of its nodes becomes one. Many nodes
/// search at once, so that what is read of the machine's memory serves all that ask for it; a walk through the graph
/// waits for each code anew.
class Cells {
 public:
  /// `codes`: CodeGroup::can_hold() them.
  Cells(const Codes& codes, std::uint64_t seed) : codes_(codes), seed_(seed), pivots_(codes) {}

  /// Adds nodes, which have codes; each is added once.
  void add(std::span<const Node> nodes, ThreadTeam& threads);

  /// The nodes of the largest cell.
  [[nodiscard]] std::size_t largest() const;

  /// What a node has found: other nodes, nearest first.
  struct Found {
    Node node = 0;
    std::vector<Neighbour> nearest;
  };
  /// Adds nodes, and finds for each of them about the nearest `count` of all among the nearest cells that have
  /// `compared` nodes together, by whole codes: the nearer half of these for sure, of the others what lies on the way.
  /// In an order in which one node and the next found about the same. The number of threads changes nothing.
  [[nodiscard]] std::vector<Found> add_and_search(std::span<const Node> nodes, std::size_t count, std::size_t compared,
                                                  ThreadTeam& threads);

 private:
  using Cell = Node;  ///< by the order in which pivots came
  /// A cell, and how far its pivot is.
  struct Near {
    float distance = 0;
    Cell cell = 0;
  };
  /// Where a node lives, and where it looks, nearest first.
  struct Place {
    Cell region = 0;  ///< the nearest of the first few cells
    Near home;
    std::vector<Near> near;
  };
  /// Ascending by their distance, not squared, from the pivot.
  struct Members {
    std::vector<float> distances;
    std::vector<Node> nodes;
  };
  /// Between which distances from the pivot, not squared, a cell's members are.
  struct Shell {
    float inner = 0;
    float outer = 0;
  };
  /// Who looks into a cell, by its place among those that search, and which of the members may be near enough.
  struct Asker {
    std::uint32_t number = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };

  /// A node that a new pivot is nearer to.
  struct Move {
    Node node = 0;
    Near from;
    Near to;
  };

  [[nodiscard]] bool is_drawn(std::size_t place) const;
  void take(std::span<const Node> nodes);
  void add_pivot(Node node);
  void add_missing_pivots(std::span<const Found> found, std::span<const Place> places);
  void fill_new_cells(ThreadTeam& threads);
  [[nodiscard]] std::vector<Move> take_leaving(Cell cell, CodeGroup::Part& new_pivots);
  [[nodiscard]] std::size_t full() const;
  [[nodiscard]] std::vector<Place> place(std::span<const Node> nodes, std::size_t compared, ThreadTeam& threads);
  void place_some(CodeGroup::Part& pivots, std::span<const Node> nodes, std::span<Place> places,
                  std::size_t compared) const;
  [[nodiscard]] Place place_at(std::span<const float> distances, std::size_t compared) const;
  [[nodiscard]] std::vector<Near> cells_with(std::size_t nodes, std::span<const float> distances) const;
  [[nodiscard]] std::optional<Near> nearest_with_room(std::span<const float> distances) const;
  void insert(Node node, const Near& home);
  [[nodiscard]] Asker asker(std::uint32_t number, const Near& near, float apart) const;
  void search(CodeGroup& group, std::span<Found> found, std::span<const Place> places, std::size_t count) const;

  const Codes& codes_;
  std::uint64_t seed_;
  std::size_t nodes_ = 0;          ///< how many came
  CodeGroup pivots_;               ///< by cell
  std::vector<Node> pivot_nodes_;  ///< the same
  std::size_t drawn_ = 0;          ///< how many of these were drawn
  std::size_t filled_ = 0;         ///< the first pivots, to whose cells all nodes that are there were offered
  std::vector<CodeGroup> groups_;  ///< of each thread: those that search, whose room is worth keeping
  std::vector<Members> members_;   ///< by cell
  std::vector<Shell> shells_;      ///< by cell, as they are while nodes search
  Cell first_new_ = 0;             ///< of those that came with the last nodes
  std::vector<Cell> inhabited_;    ///< those in which something may be found: not all, where pivots are equal
};

}  // namespace tillite
