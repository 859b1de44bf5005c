// What a reader finds: every node by a search for its own vector, every node from the entry.
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "base/check.h"
#include "vectors/copy_tree.h"
#include "vectors/graph.h"
#include "vectors/graph_descent.h"
#include "vectors/mixed_bits.h"

namespace tillite {
namespace {

constexpr std::size_t kReaderBeam = 100;  // Chroma's search_ef
constexpr std::uint64_t kJumpSeed = 0x6a756d70;
constexpr int kRoundsMax = 3;
constexpr std::size_t kWaysIn = 2;  // links that a node gets which was not found

}  // namespace

std::array<Node, kCopyJumps> Graph::jumps(Node node, std::uint32_t copy) const {
  std::array<Node, kCopyJumps> nodes{};
  const std::uint64_t seed = mixed_bits(settings_.seed ^ kJumpSeed, node);
  for (std::size_t i = 0; i < kCopyJumps; ++i) {
    nodes[i] = static_cast<Node>(mixed_bits(seed, copy * kCopyJumps + i) % size());
  }
  return nodes;
}

/// Whether a reader's search for the node's vector meets it. If not, the pool holds where the search has ended.
/// Nodes of the pool from size() on stand for the copies that the search has met.
bool Graph::finds(Node target, Search& search) const {
  // The bits of floats that are not negative are in the order of the floats.
  const auto apart = [&](Node node) { return std::bit_cast<NearestPool::Distance>(codes_.distance(target, node)); };
  const Node from = descend(links_, entry_, 0, apart);
  if (from == target) return true;
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
      const auto [representative, copy] = search.copies[node - size()];
      node = representative;
      below = copy_children(copy, copies_[node]);
      meet(node);
      std::ranges::for_each(jumps(node, copy), meet);
    }
    for (std::uint32_t copy = below.first; copy < std::min(below.end, copies_[node]); ++copy) {
      if (!search.pool.has_room_for(apart(node))) break;
      search.pool.offer(apart(node), static_cast<Node>(size() + search.copies.size()));
      search.copies.emplace_back(node, copy);
    }
    for (const Node other : fresh) {
      if (other == target) return true;
      if (search.pool.has_room_for(apart(other))) search.pool.offer(apart(other), other);
    }
  }
  return false;
}

std::size_t Graph::make_findable(Node first) {
  std::vector<Node> doubtful(size() - first);
  std::iota(doubtful.begin(), doubtful.end(), first);
  for (int round = 0; round < kRoundsMax && !doubtful.empty(); ++round) {
    std::vector<Neighbours> ends(doubtful.size());
    threads_.execute([&] {
      tbb::parallel_for(std::size_t{0}, ends.size(), [&](std::size_t i) {
        Search& search = searches_.local();
        if (!finds(doubtful[i], search)) ends[i] = nodes_by_numbers(doubtful[i], search.pool);
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

/// Links a node from the nearest few that have room for it.
void Graph::link_from(const Neighbours& nearest, Node node) {
  std::size_t ways = 0;
  for (const auto& [distance, from] : nearest) {
    if (ways == kWaysIn) break;
    const auto links = links_.of(from, 0);
    if (links.size() >= links_.links0_max()) continue;
    if (std::ranges::find(links, node, &Neighbour::node) != links.end()) continue;
    links_.append(from, 0, {distance, node});
    ++ways;
  }
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

std::size_t Graph::repair() {
  if (size() == 0) return 0;
  std::vector<bool> reachable(size(), false);
  mark_reachable(entry_, reachable);
  const auto has_room = [&](Node node) { return reachable[node] && links_.of(node, 0).size() <= links_.links0_max(); };
  Search search;
  std::size_t repaired = 0;
  for (Node node = 0; node < size(); ++node) {
    if (reachable[node]) continue;
    search.pool.start(settings_.ef_construction);
    walk(node, descend_by_signs(node, 0), 0, search);
    const auto near = nodes_by_numbers(node, search.pool);
    const auto found = std::ranges::find_if(near, [&](const Neighbour& other) { return has_room(other.node); });
    Node from = found != near.end() ? found->node : 0;
    while (from < size() && !has_room(from)) ++from;
    check(from < size(), "some reachable node has room for one more link");
    links_.append(from, 0, {codes_.distance(from, node), node});
    mark_reachable(node, reachable);
    ++repaired;
  }
  return repaired;
}

}  // namespace tillite
