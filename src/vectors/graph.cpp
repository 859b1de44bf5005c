#include "vectors/graph.h"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "base/check.h"
#include "vectors/mixed_bits.h"

namespace tillite {
namespace {

constexpr std::size_t kBatchNodesMax = 256;
constexpr std::uint64_t kRotationSeed = 0x7469'6c6c;

int thread_count(const GraphSettings& settings) {
  const std::size_t threads = settings.threads > 0 ? settings.threads : std::thread::hardware_concurrency();
  return static_cast<int>(std::max<std::size_t>(threads, 1));
}

}  // namespace

Graph::Graph(std::vector<float> centre, std::size_t nodes_max, const GraphSettings& settings)
    : settings_(settings),
      codes_(std::move(centre), mixed_bits(settings.seed, kRotationSeed)),
      links_(settings.m, nodes_max),
      threads_(thread_count(settings)) {
  codes_.reserve(nodes_max);
}

int Graph::draw_level(Node node) const {
  const double u = (static_cast<double>(mixed_bits(settings_.seed, node) >> 11) + 1) * 0x1.0p-53;  // in (0, 1]
  return static_cast<int>(-std::log(u) / std::log(static_cast<double>(settings_.m)));
}

Node Graph::add_linked(std::span<const float> vector, int level) {
  check(batch_.empty(), "known nodes come before new ones");
  const auto node = static_cast<Node>(size());
  links_.add(level);
  codes_.resize(size());
  codes_.encode(node, vector);
  return node;
}

void Graph::set_links(Node node, int level, std::span<const Node> neighbours) {
  std::vector<Neighbour> measured;
  measured.reserve(neighbours.size());
  for (const Node neighbour : neighbours) measured.push_back({codes_.distance(node, neighbour), neighbour});
  links_.set(node, level, measured);
}

void Graph::set_entry(Node entry, int max_level) {
  check(entry < size() && links_.level(entry) == max_level, "the entry is a node of the highest level");
  entry_ = entry;
  max_level_ = max_level;
}

Node Graph::add(std::span<const float> vector) {
  const auto node = static_cast<Node>(size());
  links_.add(draw_level(node));
  batch_.insert(batch_.end(), vector.begin(), vector.end());
  const std::size_t waiting = batch_.size() / codes_.dimensions();
  if (waiting == kBatchNodesMax) link_all();
  return node;
}

void Graph::link_all() {
  const std::size_t count = batch_.size() / codes_.dimensions();
  if (count == 0) return;
  const auto first = static_cast<Node>(size() - count);
  encode_batch(first);
  std::vector<std::vector<Neighbours>> chosen(count);
  threads_.execute([&] {
    tbb::parallel_for(std::size_t{0}, count, [&](std::size_t i) {
      chosen[i] = choose(static_cast<Node>(first + i), first, searches_.local());
    });
  });
  link_back(chosen, first);
  for (Node node = first; node < size(); ++node) {
    if (links_.level(node) > max_level_) set_entry(node, links_.level(node));
  }
  batch_.clear();
}

void Graph::encode_batch(Node first) {
  const std::size_t dimensions = codes_.dimensions();
  codes_.resize(size());
  threads_.execute([&] {
    tbb::parallel_for(std::size_t{0}, batch_.size() / dimensions, [&](std::size_t i) {
      codes_.encode(static_cast<Node>(first + i), std::span(batch_).subspan(i * dimensions, dimensions));
    });
  });
}

/// The neighbours of a new node, by level.
std::vector<Graph::Neighbours> Graph::choose(Node node, Node batch_first, Search& search) const {
  const int level = links_.level(node);
  std::vector<Neighbours> chosen(static_cast<std::size_t>(level) + 1);
  Node nearest = max_level_ >= 0 ? descend(node, level) : 0;
  for (int at = level; at >= 0; --at) {
    search.pool.start(settings_.ef_construction);
    if (at <= max_level_) walk(node, nearest, at, search);
    if (search.pool.size() > 0) nearest = search.pool.node(0);
    offer_batch(node, batch_first, at, search);
    chosen[static_cast<std::size_t>(at)] = select(nearest_by_numbers(node, search.pool), settings_.m);
  }
  return chosen;
}

/// Greedily from the top down to just above `to_level`.
Node Graph::descend(Node target, int to_level) const {
  Node nearest = entry_;
  std::uint32_t least = codes_.signs_apart(target, nearest);
  for (int level = max_level_; level > to_level; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      for (const Neighbour& link : links_.of(nearest, level)) {
        const std::uint32_t apart = codes_.signs_apart(target, link.node);
        if (apart >= least) continue;
        least = apart;
        nearest = link.node;
        moved = true;
      }
    }
  }
  return nearest;
}

/// Fills the pool with the nearest nodes, by signs, that a level's links lead to.
void Graph::walk(Node target, Node from, int level, Search& search, bool self) const {
  if (++search.number == 0) {
    search.seen.assign(search.seen.size(), 0);
    search.number = 1;
  }
  if (search.seen.size() < size()) search.seen.resize(std::max(size(), 2 * search.seen.size()), 0);
  if (!self) search.seen[target] = search.number;
  search.seen[from] = search.number;
  search.pool.offer(codes_.signs_apart(target, from), from);
  std::vector<Node> fresh;
  while (const auto node = search.pool.expand_next()) {
    fresh.clear();
    for (const Neighbour& link : links_.of(*node, level)) {
      if (search.seen[link.node] == search.number) continue;
      search.seen[link.node] = search.number;
      codes_.prefetch_signs(link.node);
      fresh.push_back(link.node);
    }
    for (const Node other : fresh) search.pool.offer(codes_.signs_apart(target, other), other);
  }
}

/// The others of a batch are not linked yet; they are few enough to be compared all.
void Graph::offer_batch(Node target, Node batch_first, int level, Search& search) const {
  for (Node other = batch_first; other < size(); ++other) {
    if (other != target && links_.level(other) >= level) search.pool.offer(codes_.signs_apart(target, other), other);
  }
}

Graph::Neighbours Graph::nearest_by_numbers(Node target, const NearestPool& pool) const {
  Neighbours nearest;
  nearest.reserve(pool.size());
  for (std::size_t i = 0; i < pool.size(); ++i) codes_.prefetch(pool.node(i));
  for (std::size_t i = 0; i < pool.size(); ++i)
    nearest.push_back({codes_.distance(target, pool.node(i)), pool.node(i)});
  std::ranges::sort(nearest, std::less<>());
  return nearest;
}

/// Of candidates, nearest first: those that are nearer to the target than to any that was selected before.
Graph::Neighbours Graph::select(const Neighbours& candidates, std::size_t count) const {
  if (candidates.size() <= count) return candidates;
  Neighbours selected, passed;
  selected.reserve(count);
  for (const Neighbour& candidate : candidates) {
    if (selected.size() == count) break;
    const bool diverse = std::ranges::all_of(selected, [&](const Neighbour& other) {
      return codes_.distance(candidate.node, other.node) >= candidate.distance;
    });
    if (diverse) selected.push_back(candidate); else passed.push_back(candidate);
  }
  static const int FN = getenv("FN") ? atoi(getenv("FN")) : 0;
  static const int FB = getenv("FB") ? atoi(getenv("FB")) : 0;
  const std::size_t fill = count == settings_.m ? FN : FB;
  for (const auto& p : passed) { if (selected.size() >= fill) break; selected.push_back(p); }
  return selected;
}

/// Sets the links that a batch has chosen, and their way back. Each target's links are one thread's work.
void Graph::link_back(const std::vector<std::vector<Neighbours>>& chosen, Node batch_first) {
  std::vector<BackLink> back;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto source = static_cast<Node>(batch_first + i);
    for (int level = 0; level < static_cast<int>(chosen[i].size()); ++level) {
      const auto& neighbours = chosen[i][static_cast<std::size_t>(level)];
      links_.set(source, level, neighbours);
      for (const auto& [distance, target] : neighbours) back.push_back({level, target, {distance, source}});
    }
  }
  std::ranges::sort(back, [](const BackLink& a, const BackLink& b) {
    if (a.level != b.level) return a.level < b.level;
    if (a.target != b.target) return a.target < b.target;
    return a.source < b.source;
  });
  std::vector<std::span<const BackLink>> groups;
  for (std::size_t begin = 0; begin < back.size();) {
    std::size_t end = begin;
    while (end < back.size() && back[end].level == back[begin].level && back[end].target == back[begin].target) ++end;
    groups.emplace_back(back.data() + begin, end - begin);
    begin = end;
  }
  threads_.execute(
      [&] { tbb::parallel_for(std::size_t{0}, groups.size(), [&](std::size_t i) { add_back_links(groups[i]); }); });
}

/// Adds links to one list; where there is no room for all, the heuristic chooses.
void Graph::add_back_links(std::span<const BackLink> links) {
  const auto [level, target, first] = links.front();
  const auto present = links_.of(target, level);
  Neighbours all(present.begin(), present.end());
  for (const BackLink& link : links) {
    const bool is_there =
        std::ranges::any_of(present, [&](const Neighbour& other) { return other.node == link.source.node; });
    if (!is_there) all.push_back(link.source);
  }
  if (all.size() > links_max(level)) {
    std::ranges::sort(all, std::less<>());
    all = select(all, links_max(level));
  }
  links_.set(target, level, all);
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

/// Searches each node as a reader would, and links the nodes that are not found from where their search has ended.
std::size_t Graph::make_findable() {
  static const int K = getenv("MK") ? atoi(getenv("MK")) : 1;
  std::vector<std::vector<Neighbour>> lost(size());
  threads_.execute([&] {
    tbb::parallel_for(std::size_t{0}, size(), [&](std::size_t i) {
      const auto node = static_cast<Node>(i);
      Search& search = searches_.local();
      search.pool.start(settings_.ef_construction);
      walk(node, descend(node, 0), 0, search, true);
      if (search.pool.node(0) == node) return;
      for (std::size_t j = 0; j < search.pool.size() && lost[i].size() < std::size_t(K); ++j)
        if (links_.of(search.pool.node(j), 0).size() < links_.links0_max()) lost[i].push_back({codes_.distance(node, search.pool.node(j)), search.pool.node(j)});
    });
  });
  std::size_t found = 0;
  for (std::size_t i = 0; i < size(); ++i) {
    if (lost[i].empty()) continue;
    ++found;
    for (auto& [d, n] : lost[i]) if (links_.of(n, 0).size() < links_.links0_max()) links_.append(n, 0, {d, static_cast<Node>(i)});
  }
  return found;
}

std::size_t Graph::repair() {
  if (size() == 0) return 0;
  if (getenv("MF")) for (int i = 0; i < atoi(getenv("MF")); ++i) fprintf(stderr, "lost %zu\n", make_findable());
  std::vector<bool> reachable(size(), false);
  mark_reachable(entry_, reachable);
  const auto has_room = [&](Node node) { return reachable[node] && links_.of(node, 0).size() <= links_.links0_max(); };
  Search search;
  std::size_t repaired = 0;
  for (Node node = 0; node < size(); ++node) {
    if (reachable[node]) continue;
    search.pool.start(settings_.ef_construction);
    walk(node, descend(node, 0), 0, search);
    const auto near = nearest_by_numbers(node, search.pool);
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
