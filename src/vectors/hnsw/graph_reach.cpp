// What a reader finds: every node by a search for its own vector, every node from the entry.
#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "vectors/hnsw/copy_tree.h"
#include "vectors/hnsw/distance.h"
#include "vectors/hnsw/graph.h"
#include "vectors/hnsw/graph_descent.h"
#include "vectors/hnsw/graph_walk.h"
#include "vectors/hnsw/mixed_bits.h"

namespace tillite {
namespace {

constexpr std::size_t kReaderBeam = 100;   // Chroma's search_ef
constexpr std::size_t kDoubtfulBeam = 72;  // less, as codes tell only nearly how far a node is
constexpr std::uint64_t kJumpSeed = 0x6a756d70;
constexpr std::uint64_t kStartSeed = 0x73746172;
constexpr float kNearer = 0.97F;     // five times the error of a distance between two codes
constexpr float kMuchNearer = 0.7F;  // of a distance between signs, whose error is larger
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

/// Searches for a node as a reader does, from where the reader has come down to. If it is not met, the pool holds where
/// the search has ended. `apart(node)` tells how far a node is from the target, `prefetch(node)` is called well before.
template <typename Apart, typename Prefetch>
Graph::Found Graph::find_from(Node from, Node target, std::size_t beam, const Apart& apart, const Prefetch& prefetch,
                              Search& search) const {
  if (from == target) return Found::surely;
  search.seen.start(size());
  search.seen.insert(from);
  search.copies.clear();
  search.pool.start(beam, beam);
  search.pool.offer(apart(from), from);
  std::vector<Node> fresh;
  const auto meet = [&](Node node) {
    if (!search.seen.insert(node)) return;
    prefetch(node);
    fresh.push_back(node);
  };
  while (const auto next = search.pool.expand_next()) {
    fresh.clear();
    Node node = *next;
    CopyRange below{0, 1};
    if (node < size()) {
      std::ranges::for_each(links_.of(node, 0), meet);
    } else {
      const Copy copy = search.copies[node - size()];
      node = copy.node;
      below = copy_children(copy.number, copies_[node]);
      meet(node);
      std::ranges::for_each(ways_out(node, copy.number), meet);
    }
    if (std::ranges::find(fresh, target) != fresh.end()) {
      return search.pool.size() < beam ? Found::surely : Found::barely;
    }
    below.end = std::min(below.end, copies_[node]);
    const float distance = below.first < below.end ? apart(node) : 0;
    for (std::uint32_t copy = below.first; copy < below.end && search.pool.has_room_for(distance); ++copy) {
      search.pool.offer(distance, static_cast<Node>(size() + search.copies.size()));
      search.copies.push_back({node, copy});
    }
    for (const Node met : fresh) {
      const float far = apart(met);
      if (search.pool.has_room_for(far)) search.pool.offer(far, met);
    }
  }
  return Found::no;
}

/// Whether a search finds a node that sees signs only, and takes crowds of copies to be much nearer than they are. One
/// that sees more will.
bool Graph::is_found_by_signs(Node target, Search& search) const {
  const auto wanted = codes_.target_of(target);
  const auto apart = [&](Node node) {
    return codes_.rough_distance(wanted, node) * (copies_[node] > 0 ? kMuchNearer : 1);
  };
  const auto apart_from_others = [&](Node node) {
    return node == target ? kNowhere : codes_.rough_distance(wanted, node);
  };
  const auto prefetch = [&](Node node) { codes_.prefetch_signs(node); };
  const std::array starts = {descend(links_, entry_, 0, apart_from_others), random_start(target)};
  return std::ranges::all_of(starts, [&](Node start) {
    return find_from(start, target, kDoubtfulBeam, apart, prefetch, search) != Found::no;
  });
}

/// Where a search may come down that was led astray.
Node Graph::random_start(Node target) const { return static_cast<Node>(mixed_bits(kStartSeed, target) % size()); }

/// What the codes say of finding a node. They tell distances with an error: so a crowd of copies is taken to be nearer
/// than it seems, and besides the two most likely places to come down to a third is tried.
Graph::Found Graph::find_by_codes(Node target, Search& search) const {
  const auto apart = [&](Node node) { return codes_.distance(target, node) * (copies_[node] > 0 ? kNearer : 1); };
  const auto down = [&](const auto& far) {
    return descend(links_, entry_, 0, [&](Node node) { return node == target ? kNowhere : far(node); });
  };
  const std::array starts = {down([&](Node node) { return codes_.distance(target, node); }),
                             down([&](Node node) { return codes_.rough_distance(target, node); }),
                             random_start(target)};
  const auto prefetch = [&](Node node) { codes_.prefetch(node); };
  auto found = Found::surely;
  for (const Node start : starts) {
    const Found from_here = find_from(start, target, kDoubtfulBeam, apart, prefetch, search);
    if (from_here == Found::no) return from_here;
    if (from_here == Found::barely) found = from_here;
  }
  return found;
}

/// The same with the vectors themselves.
Result<Graph::Found> Graph::find_by_vectors(Node target, const ReadVector& read, Search& search) const {
  std::vector<float> wanted(codes_.dimensions());
  std::vector<float> other(codes_.dimensions());
  TRY(read(target, wanted));
  Result<void> all_read;
  const auto apart = [&](Node node) {
    if (all_read) all_read = read(node, other);
    return all_read ? std::max(1 - dot(wanted.data(), other.data(), wanted.size()), 0.0F) : kNowhere;
  };
  const auto prefetch = [](Node) {};
  const Found found = find_from(descend(links_, entry_, 0, apart), target, kReaderBeam, apart, prefetch, search);
  TRY(std::move(all_read));
  return found;
}

Result<std::size_t> Graph::make_findable(Node first, const ReadVector& read) {
  if (!has_copies_) return 0;
  make_room_for_copies();
  std::vector<Node> all(size() - first);
  std::iota(all.begin(), all.end(), first);
  std::vector<std::uint8_t> is_doubtful(all.size(), 0);
  TRY(link_lost(all, [&](Node node, Search& search) -> Result<Found> {
    if (is_found_by_signs(node, search)) return Found::surely;
    const Found found = find_by_codes(node, search);
    if (found != Found::surely) is_doubtful[node - first] = 1;
    return found;
  }));
  std::erase_if(all, [&](Node node) { return is_doubtful[node - first] == 0; });
  return link_lost(std::move(all), [&](Node node, Search& search) { return find_by_vectors(node, read, search); });
}

/// Gives those nodes that are not found links from where their search has ended, in a few rounds; how many were not
/// found in the last, before their new link.
template <typename Find>
Result<std::size_t> Graph::link_lost(std::vector<Node> nodes, const Find& find) {
  for (int round = 0; round < kRoundsMax && !nodes.empty(); ++round) {
    std::vector<Result<std::vector<WayIn>>> ends(nodes.size());
    threads_.for_each(ends.size(), [&](std::size_t i, std::size_t thread) {
      Search& search = searches_[thread];
      const auto found = find(nodes[i], search);
      if (!found) {
        ends[i] = std::unexpected(found.error());
      } else if (*found == Found::no) {
        ends[i] = ways_in(search);
      }
    });
    std::vector<Node> lost;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      const auto ways = TRY(std::move(ends[i]));
      if (ways.empty()) continue;
      link_from(ways, nodes[i]);
      lost.push_back(nodes[i]);
    }
    nodes = std::move(lost);
  }
  return nodes.size();
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
  if (room_for_links(from) == 0 || std::ranges::find(links, node) != links.end()) return false;
  links_.append(from, 0, node);
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
    for (const Node link : links_.of(node, 0)) {
      if (reachable[link]) continue;
      reachable[link] = true;
      open.push_back(link);
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
    const std::vector<Node> kept(links.begin(), links.end() - 1);
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
    search.pool.start(settings_.ef_construction, settings_.ef_construction);
    const auto target = codes_.target_of(node);
    const auto apart = [&](Node other) { return codes_.rough_distance(target, other); };
    const auto all_apart = [&](std::span<const Node> others, std::span<float> distances) {
      codes_.rough_distances(target, others, distances);
    };
    walk(links_, codes_, node, descend(links_, entry_, 0, apart), 0, all_apart, search.pool, search.seen);
    Neighbours near(search.pool.size());
    for (std::size_t i = 0; i < near.size(); ++i) {
      near[i] = {codes_.distance(node, search.pool.node(i)), search.pool.node(i)};
    }
    std::ranges::sort(near, std::less<>());
    const auto found = std::ranges::find_if(near, can_lead, &Neighbour::node);
    Node from = found != near.end() ? found->node : 0;
    while (from < size() && !can_lead(from)) ++from;
    check(from < size(), "some reachable node has room for one more link");
    links_.append(from, 0, node);
    mark_reachable(node, reachable);
    ++repaired;
  }
  return repaired;
}

}  // namespace tillite
