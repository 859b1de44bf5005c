// What a reader finds: every node by a search for its own vector, every node from the entry.
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "vectors/copy_tree.h"
#include "vectors/graph.h"
#include "vectors/graph_descent.h"
#include "vectors/mixed_bits.h"

namespace tillite {
namespace {

constexpr std::size_t kReaderBeam = 72;  // less than Chroma's 100: codes tell only nearly how far a node is
constexpr std::uint64_t kJumpSeed = 0x6a756d70;
constexpr float kNearer = 0.97F;  // five times the error of a distance between two codes
constexpr std::size_t kStarts = 3;
constexpr std::uint32_t kCopiesSurelyMet = 1 + kCopyChildren;
constexpr float kNowhere = std::numeric_limits<float>::max();
constexpr int kRoundsMax = 3;
constexpr std::size_t kWaysIn = 2;  // links that a node gets which was not found

}  // namespace

std::vector<Node> Graph::ways_out(Node node, std::uint32_t copy) const {
  std::vector<Node> nodes;
  if (const auto ways = copy_ways_.find({node, copy}); ways != copy_ways_.end()) nodes = ways->second;
  const std::uint64_t seed = mixed_bits(settings_.seed ^ kJumpSeed, node);
  for (std::size_t i = 0; i < kCopyJumps; ++i) {
    const auto other = static_cast<Node>(mixed_bits(seed, copy * kCopyJumps + i) % size());
    if (other != node && std::ranges::find(nodes, other) == nodes.end()) nodes.push_back(other);
  }
  return nodes;
}

void Graph::add_way(Node node, std::uint32_t copy, Node to) {
  auto& nodes = copy_ways_[{node, copy}];
  if (nodes.size() < kCopyWaysMax && std::ranges::find(nodes, to) == nodes.end()) nodes.push_back(to);
}

/// Whether a reader's search for the node's vector surely meets it. If not, the pool holds where the search has ended.
/// Where a reader comes down to level 0 cannot be told exactly: besides the two most likely places a few others are
/// tried, none of which is the target itself.
bool Graph::finds(Node target, Search& search) const {
  const auto down = [&](const auto& apart) {
    return descend(links_, entry_, 0, [&](Node node) { return node == target ? kNowhere : apart(node); });
  };
  std::array<Node, kStarts> starts = {down([&](Node node) { return codes_.distance(target, node); }),
                                      down([&](Node node) { return codes_.rough_distance(target, node); })};
  for (std::size_t i = 2; i < kStarts; ++i) starts[i] = static_cast<Node>(mixed_bits(target, i) % size());
  return std::ranges::all_of(starts, [&](Node start) { return finds_from(start, target, search); });
}

bool Graph::finds_from(Node from, Node target, Search& search) const {
  if (from == target) return true;  // nowhere to come from
  // Codes tell distances with an error; where it matters most, a crowd of copies is taken to be nearer than it seems.
  const auto apart = [&](Node node) { return codes_.distance(target, node) * (copies_[node] > 0 ? kNearer : 1); };
  search.seen.start(size());
  search.seen.insert(from);
  search.copies.clear();
  search.pool.start(kReaderBeam);
  search.pool.offer(apart(from), from);
  std::vector<Node> fresh;
  const auto meet = [&](Node node) {
    if (!search.seen.insert(node)) return;
    codes_.prefetch(node);
    fresh.push_back(node);
  };
  while (const auto next = search.pool.expand_next()) {
    fresh.clear();
    Node node = *next;
    CopyRange below{0, 1};
    if (node < size()) {
      for (const Neighbour& link : links_.of(node, 0)) meet(link.node);
    } else {
      const Copy copy = search.copies[node - size()];
      node = copy.node;
      below = copy_children(copy.number, copies_[node]);
      meet(node);
      std::ranges::for_each(ways_out(node, copy.number), meet);
    }
    for (std::uint32_t copy = below.first; copy < std::min(below.end, copies_[node]); ++copy) {
      if (!search.pool.has_room_for(apart(node))) break;
      search.pool.offer(apart(node), static_cast<Node>(size() + search.copies.size()));
      search.copies.push_back({node, copy});
    }
    for (const Node met : fresh) {
      if (met == target) return true;
      if (search.pool.has_room_for(apart(met))) search.pool.offer(apart(met), met);
    }
  }
  return false;
}

std::size_t Graph::make_findable(Node first) {
  make_room_for_copies();
  std::vector<Node> doubtful(size() - first);
  std::iota(doubtful.begin(), doubtful.end(), first);
  for (int round = 0; round < kRoundsMax && !doubtful.empty(); ++round) {
    std::vector<std::vector<WayIn>> ends(doubtful.size());
    threads_.execute([&] {
      tbb::parallel_for(std::size_t{0}, ends.size(), [&](std::size_t i) {
        Search& search = searches_.local();
        if (!finds(doubtful[i], search)) ends[i] = ways_in(search);
      });
    });
    std::vector<Node> lost;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].empty()) continue;
      link_from(ends[i], doubtful[i]);
      lost.push_back(doubtful[i]);
    }
    doubtful = std::move(lost);
  }
  return doubtful.size();
}

/// What the pool of a search holds, nearest first; the copies of one node once.
std::vector<Graph::WayIn> Graph::ways_in(const Search& search) const {
  std::vector<WayIn> ways;
  for (std::size_t i = 0; i < search.pool.size(); ++i) {
    const Node node = search.pool.node(i);
    const WayIn way = node < size() ? WayIn{node, false} : WayIn{search.copies[node - size()].node, true};
    if (!way.by_copy || std::ranges::find(ways, way) == ways.end()) ways.push_back(way);
  }
  return ways;
}

/// Links a node from the first few that have room for it.
void Graph::link_from(const std::vector<WayIn>& ways, Node node) {
  std::size_t added = 0;
  for (const WayIn& way : ways) {
    if (added == kWaysIn) break;
    added += (way.by_copy ? link_from_copy(way.from, node) : link_from_node(way.from, node)) ? 1 : 0;
  }
}

/// False if there is no room for the link, or it is there already.
bool Graph::link_from_node(Node from, Node node) {
  const auto links = links_.of(from, 0);
  if (room_for_links(from) == 0 || std::ranges::find(links, node, &Neighbour::node) != links.end()) return false;
  links_.append(from, 0, {codes_.distance(from, node), node});
  return true;
}

/// The same for one of the first copies of a node: every search that is caught among the copies meets those.
bool Graph::link_from_copy(Node from, Node node) {
  for (std::uint32_t copy = 0; copy < std::min(copies_[from], kCopiesSurelyMet); ++copy) {
    auto& nodes = copy_ways_[{from, copy}];
    if (std::ranges::find(nodes, node) != nodes.end()) return false;
    if (nodes.size() == kCopyWaysMax) continue;
    nodes.push_back(node);
    return true;
  }
  return false;
}

void Graph::mark_reachable(Node from, std::vector<bool>& reachable) const {
  std::vector<Node> open = {from};
  reachable[from] = true;
  while (!open.empty()) {
    const Node node = open.back();
    open.pop_back();
    for (const Neighbour& link : links_.of(node, 0)) {
      if (reachable[link.node]) continue;
      reachable[link.node] = true;
      open.push_back(link.node);
    }
  }
}

/// How many links a node can still have on level 0.
std::size_t Graph::room_for_links(Node node) const {
  const std::size_t taken = links_.of(node, 0).size() + (copies_[node] > 0 ? 1 : 0);
  return links_.links_max(0) - std::min(taken, links_.links_max(0));
}

/// A node that has a copy gives the last of its links up if it has all that it can have.
void Graph::make_room_for_copies() {
  for (Node node = 0; node < size(); ++node) {
    const auto links = links_.of(node, 0);
    if (copies_[node] == 0 || links.size() < links_.links_max(0)) continue;
    const Neighbours kept(links.begin(), links.end() - 1);
    links_.set(node, 0, kept, std::min(links_.diverse(node, 0), kept.size()));
  }
}

std::size_t Graph::repair() {
  if (size() == 0) return 0;
  std::vector<bool> reachable(size(), false);
  mark_reachable(entry_, reachable);
  const auto can_lead = [&](Node node) { return reachable[node] && room_for_links(node) > 0; };
  Search search;
  std::size_t repaired = 0;
  for (Node node = 0; node < size(); ++node) {
    if (reachable[node]) continue;
    search.pool.start(settings_.ef_construction);
    walk(node, descend_roughly(node, 0), 0, search);
    const auto near = nodes_of(search.pool, node);
    const auto found = std::ranges::find_if(near, can_lead, &Neighbour::node);
    Node from = found != near.end() ? found->node : 0;
    while (from < size() && !can_lead(from)) ++from;
    check(from < size(), "some reachable node has room for one more link");
    links_.append(from, 0, {codes_.distance(from, node), node});
    mark_reachable(node, reachable);
    ++repaired;
  }
  return repaired;
}

}  // namespace tillite
