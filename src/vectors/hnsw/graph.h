#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_team.h"
#include "vectors/hnsw/cells.h"
#include "vectors/hnsw/codes.h"
#include "vectors/hnsw/graph_links.h"
#include "vectors/hnsw/nearest_pool.h"
#include "vectors/hnsw/seen_nodes.h"
#include "vectors/hnsw/segment.h"

namespace tillite {

struct KeptGraph;

constexpr std::size_t kCopyJumps = 4;     // links of a copy to nodes at random: out of a crowd that fills a beam
constexpr std::size_t kCopyWaysMax = 16;  // links of a copy to nodes that are hard to find otherwise

/// How many threads build: those of the settings, or the machine's.
[[nodiscard]] std::size_t thread_count(const GraphSettings& settings);

/// An HNSW graph over distinct vectors (Malkov and Yashunin, arXiv 1603.09320; neighbours by the heuristic of its
/// algorithm 4), built on codes: signs lead the search, whole codes choose the neighbours.
/// Nodes are linked in batches. Where many come, they look for their neighbours in cells, all of a batch at a time.
/// Where few are added to many, or codes are short, each searches the graph as it was before its batch, and sees the
/// others of the batch by comparing with them all. So threads share nothing that changes, and their number does not
/// change the graph.
class Graph {
 public:
  /// `centre`: about the mean of the vectors. `nodes_max`: how many nodes may come.
  Graph(std::vector<float> centre, std::size_t nodes_max, const GraphSettings& settings);

  /// About the memory of the largest batch, if `added` nodes come to `known` ones: besides that of each node.
  [[nodiscard]] static std::size_t batch_bytes(std::size_t known, std::size_t added, std::size_t dimensions,
                                               std::size_t code_bits);

  [[nodiscard]] std::size_t size() const { return links_.size(); }
  [[nodiscard]] int max_level() const { return max_level_; }
  [[nodiscard]] Node entry() const { return entry_; }
  [[nodiscard]] const GraphLinks& links() const { return links_; }
  [[nodiscard]] const Codes& codes() const { return codes_; }
  /// Every way out of a copy that add_way() or a search has set, in the order of nodes and copies.
  void for_each_way(const std::function<void(Node node, std::uint32_t copy, Node to)>& each) const;

  /// Takes over a graph that a file keeps, made with the same centre and settings, before anything was added; its
  /// copies too. `corrupt` if it cannot be a graph.
  /// `new_max`: how many nodes may come after these.
  [[nodiscard]] Result<void> take_over(const KeptGraph& kept, std::size_t new_max);

  /// Adds a node whose links are known (of a segment that is read).
  Node add_linked(std::span<const float> vector, int level);
  /// Sets the links of such a node on a level that it has.
  void set_links(Node node, int level, std::span<const Node> neighbours);
  /// Ends the taking over of nodes whose links are known.
  void take_over(Node entry, int max_level, std::size_t new_max);

  /// Reads the vector of a node; from any thread.
  using ReadVector = std::function<Result<void>(Node node, std::span<float> vector)>;
  /// Adds nodes, whose numbers follow those that are there; they are linked in batches, the last ones by link_all().
  /// Errors are those of `read`; nothing else may be done with the graph then.
  [[nodiscard]] Result<void> add(std::size_t count, const ReadVector& read);
  /// Links what was added, and cuts lists that have grown beyond what they may have at the end.
  void link_all();
  /// Notes that one more vector equals the node's. A reader's search meets them all, so they crowd its beam.
  void add_copy(Node node) {
    ++copies_[node];
    has_copies_ = true;
  }
  /// The nodes that a copy links to, besides its representative and other copies; each once.
  [[nodiscard]] std::vector<Node> ways_out(Node node, std::uint32_t copy) const;
  /// Takes over a way out of a copy (of a segment that is read) to a node that is hard to find otherwise.
  void add_way(Node node, std::uint32_t copy, Node to);
  /// Where there are copies, whose crowds hide others: searches every node from `first` on as a reader would, and gives
  /// those that are not found a link from where their search has ended, in a few rounds; how many were not found in the
  /// last, before their new link. Codes tell whom to doubt; the vectors themselves decide. Errors are those of `read`.
  [[nodiscard]] Result<std::size_t> make_findable(Node first, const ReadVector& read);
  /// Makes every node reachable on level 0 from the entry; how many needed a link for it. Leaves room for the link from
  /// a node to its first copy.
  std::size_t repair();

 private:
  using Neighbours = std::vector<Neighbour>;
  /// A further vector that equals a node's.
  struct Copy {
    Node node = 0;
    std::uint32_t number = 0;
    auto operator<=>(const Copy&) const = default;
  };
  /// What one thread needs to search.
  struct Search {
    NearestPool pool;
    SeenNodes seen;
    std::vector<Node> others;  ///< nodes of a batch, and how far they are
    std::vector<float> distances;
    std::vector<float> vector;  ///< that is being encoded
    std::vector<Copy> copies;   ///< that the search has met; the pool numbers them from size() on
  };
  /// A link to be set from `target` back to the node that chose it.
  struct BackLink {
    int level = 0;
    Node target = 0;
    Node source = 0;
  };
  /// A node that may become a neighbour.
  struct Candidate {
    Neighbour neighbour;
    bool is_known = false;  ///< to be diverse from the other known ones
  };
  /// The neighbours that were chosen, the diverse ones first.
  struct Chosen {
    std::vector<Node> neighbours;
    std::size_t diverse = 0;
  };

  [[nodiscard]] int draw_level(Node node) const;
  void encode_known();
  void put_signs();
  [[nodiscard]] Result<void> encode(Node first, const ReadVector& read);
  void set_entry(Node entry, int max_level);
  void take_over_known(Node entry, int max_level, std::size_t new_max);
  [[nodiscard]] std::size_t batch_nodes() const;
  void link_batch();
  [[nodiscard]] std::vector<std::vector<Node>> nodes_by_level(Node begin, Node end) const;
  [[nodiscard]] std::vector<std::vector<Chosen>> none_chosen() const;
  [[nodiscard]] std::vector<std::vector<Chosen>> choose_by_cells(const std::vector<std::vector<Node>>& batch);
  [[nodiscard]] std::vector<std::vector<Chosen>> choose_by_walks(const std::vector<std::vector<Node>>& batch);
  void walk_levels(Node node, const std::vector<std::vector<Node>>& batch, std::vector<Chosen>& chosen,
                   Search& search) const;
  [[nodiscard]] Neighbours nearest_in(const NearestPool& pool, const Codes::Target& target) const;
  enum class Found { no, barely /** with a beam that was full */, surely };
  template <typename Apart, typename Prefetch>
  [[nodiscard]] Found find_from(Node from, Node target, std::size_t beam, const Apart& apart, const Prefetch& prefetch,
                                Search& search) const;
  [[nodiscard]] Node random_start(Node target) const;
  [[nodiscard]] bool is_found_by_signs(Node target, Search& search) const;
  [[nodiscard]] Found find_by_codes(Node target, Search& search) const;
  [[nodiscard]] Result<Found> find_by_vectors(Node target, const ReadVector& read, Search& search) const;
  template <typename Find>
  Result<std::size_t> link_lost(std::vector<Node> nodes, const Find& find);
  /// Where a link to a node may start.
  struct WayIn {
    Node from = 0;
    bool by_copy = false;  ///< a copy of `from` has the link
    bool operator==(const WayIn&) const = default;
  };
  [[nodiscard]] std::vector<WayIn> ways_in(const Search& search) const;
  void link_from(const std::vector<WayIn>& ways, Node node);
  bool link_from_node(Node from, Node node);
  bool link_from_copy(Node from, Node node);
  [[nodiscard]] static std::vector<Candidate> candidates(std::span<const Neighbour> nearest);
  [[nodiscard]] Chosen select(std::span<const Candidate> candidates, std::size_t count) const;
  void link_back(const std::vector<std::vector<Chosen>>& chosen);
  [[nodiscard]] std::vector<BackLink> back_links(const std::vector<std::vector<Chosen>>& chosen) const;
  void add_back_links(std::span<const BackLink> links);
  void cut_list(Node node, int level, std::span<const BackLink> more);
  void cut_lists();
  [[nodiscard]] std::size_t room_for_links(Node node) const;
  void make_room_for_copies();
  void mark_reachable(Node from, std::vector<bool>& reachable) const;

  GraphSettings settings_;
  Codes codes_;
  GraphLinks links_;
  int max_level_ = -1;
  Node entry_ = 0;
  std::vector<std::uint32_t> copies_;  ///< by node
  bool has_copies_ = false;
  std::map<Copy, std::vector<Node>> copy_ways_;  ///< links of copies to nodes that are hard to find
  Node linked_ = 0;                              ///< the nodes before it are linked, the others are a batch
  std::vector<float> vectors_;                   ///< of the last known ones, which have no codes yet
  std::vector<Codes::Target> targets_;           ///< of those that search the graph, by their place in the batch
  bool looks_in_cells_;                          ///< many nodes may come
  std::vector<Cells> cells_;                     ///< of each level, if so
  ThreadTeam threads_;
  std::vector<Search> searches_;  ///< of each of the threads
};

}  // namespace tillite
