#include "vectors/graph.h"

#include <algorithm>
#include <cmath>
#include <queue>

#include "base/check.h"
#include "vectors/distance.h"

namespace tillite {
namespace {

constexpr float kCodeMax = 127;

/// splitmix64: a well mixed number of a seed and a node, the same on every machine.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t node) {
  std::uint64_t z = seed + (node + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

std::uint32_t Codes::add(std::span<const float> vector) {
  check(vector.size() == dimensions_, "codes are made of vectors of one size");
  float largest = 0;
  for (const float number : vector) largest = std::max(largest, std::abs(number));
  const float scale = largest > 0 ? largest / kCodeMax : 1;
  if (scales_.size() % kBlock == 0) blocks_.emplace_back().reserve(kBlock * dimensions_);
  for (const float number : vector) blocks_.back().push_back(static_cast<std::int8_t>(std::lround(number / scale)));
  scales_.push_back(scale);
  return static_cast<std::uint32_t>(scales_.size() - 1);
}

float Codes::distance(std::uint32_t a, std::uint32_t b) const {
  const std::int32_t product = dot(at(a), at(b), dimensions_);
  return 1 - static_cast<float>(product) * scales_[a] * scales_[b];
}

Graph::Graph(std::size_t dimensions, const GraphSettings& settings) : settings_(settings), codes_(dimensions) {}

int Graph::draw_level(Node node) const {
  const double u = (static_cast<double>(mixed(settings_.seed, node) >> 11) + 1) * 0x1.0p-53;  // in (0, 1]
  return static_cast<int>(-std::log(u) / std::log(static_cast<double>(settings_.m)));
}

Node Graph::add_linked(std::span<const float> vector, std::vector<std::vector<Node>> links) {
  const auto node = codes_.add(vector);
  levels_.push_back(static_cast<int>(links.size()) - 1);
  links_.push_back(std::move(links));
  visited_.push_back(0);
  return node;
}

void Graph::set_entry(Node entry, int max_level) {
  check(entry < size() && levels_[entry] == max_level, "the entry is a node of the highest level");
  entry_ = entry;
  max_level_ = max_level;
}

Node Graph::insert(std::span<const float> vector) {
  const int level = draw_level(static_cast<Node>(size()));
  const Node node = add_linked(vector, std::vector<std::vector<Node>>(static_cast<std::size_t>(level) + 1));
  if (max_level_ < 0) {
    set_entry(node, level);
    return node;
  }
  Node nearest = descend(node, entry_, max_level_, level);
  for (int at = std::min(level, max_level_); at >= 0; --at) {
    const auto candidates = search(node, nearest, at, settings_.ef_construction);
    nearest = candidates.front().node;
    link(node, select(candidates, settings_.m), at);
  }
  if (level > max_level_) set_entry(node, level);
  return node;
}

/// Greedily from the levels above down to just above `to_level`.
Node Graph::descend(Node target, Node from, int from_level, int to_level) const {
  Node nearest = from;
  float least = distance(target, nearest);
  for (int level = from_level; level > to_level; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      for (const Node neighbour : links(nearest, level)) {
        const float d = distance(target, neighbour);
        if (d >= least) continue;
        least = d;
        nearest = neighbour;
        moved = true;
      }
    }
  }
  return nearest;
}

/// The `ef` nearest that the graph leads to on a level, nearest first.
std::vector<Graph::Candidate> Graph::search(Node target, Node from, int level, std::size_t ef) {
  ++search_number_;
  const auto nearer_first = [](const Candidate& a, const Candidate& b) { return b < a; };
  std::priority_queue<Candidate, std::vector<Candidate>, decltype(nearer_first)> open(nearer_first);
  std::priority_queue<Candidate> best;  // the farthest on top
  const auto visit = [&](Node node) {
    if (visited_[node] == search_number_) return;
    visited_[node] = search_number_;
    const Candidate candidate{distance(target, node), node};
    if (best.size() == ef && !(candidate < best.top())) return;
    open.push(candidate);
    best.push(candidate);
    if (best.size() > ef) best.pop();
  };
  visited_[target] = search_number_;
  visit(from);
  while (!open.empty()) {
    const Candidate nearest = open.top();
    open.pop();
    if (best.size() == ef && best.top() < nearest) break;
    for (const Node neighbour : links(nearest.node, level)) visit(neighbour);
  }
  std::vector<Candidate> found(best.size());
  for (std::size_t i = best.size(); i > 0; --i) {
    found[i - 1] = best.top();
    best.pop();
  }
  return found;
}

/// Of candidates, nearest first: those that are nearer to the target than to any that was selected before.
std::vector<Graph::Candidate> Graph::select(std::vector<Candidate> candidates, std::size_t count) const {
  if (candidates.size() <= count) return candidates;
  std::vector<Candidate> selected;
  for (const Candidate& candidate : candidates) {
    if (selected.size() == count) break;
    const bool diverse = std::ranges::all_of(
        selected, [&](const Candidate& other) { return distance(candidate.node, other.node) >= candidate.distance; });
    if (diverse) selected.push_back(candidate);
  }
  return selected;
}

void Graph::link(Node node, const std::vector<Candidate>& neighbours, int level) {
  const auto at = static_cast<std::size_t>(level);
  for (const auto& [d, neighbour] : neighbours) {
    links_[node][at].push_back(neighbour);
    auto& back = links_[neighbour][at];
    if (back.size() < links_max(level)) {
      back.push_back(node);
      continue;
    }
    std::vector<Candidate> candidates = {{d, node}};
    for (const Node other : back) candidates.push_back({distance(neighbour, other), other});
    std::sort(candidates.begin(), candidates.end());
    back.clear();
    for (const Candidate& kept : select(std::move(candidates), links_max(level))) back.push_back(kept.node);
  }
}

void Graph::mark_reachable(Node from, std::vector<bool>& reachable) const {
  std::vector<Node> open = {from};
  reachable[from] = true;
  while (!open.empty()) {
    const Node node = open.back();
    open.pop_back();
    for (const Node neighbour : links(node, 0)) {
      if (reachable[neighbour]) continue;
      reachable[neighbour] = true;
      open.push_back(neighbour);
    }
  }
}

std::size_t Graph::repair() {
  if (size() == 0) return 0;
  std::vector<bool> reachable(size(), false);
  mark_reachable(entry_, reachable);
  const std::size_t full = links_max(0) + 1;  // the slot that is kept for this
  const auto has_room = [&](Node node) { return reachable[node] && links_[node][0].size() < full; };
  std::size_t repaired = 0;
  for (Node node = 0; node < size(); ++node) {
    if (reachable[node]) continue;
    const auto near = search(node, descend(node, entry_, max_level_, 0), 0, settings_.ef_construction);
    const auto found = std::ranges::find_if(near, [&](const Candidate& candidate) { return has_room(candidate.node); });
    Node from = found != near.end() ? found->node : 0;
    while (from < size() && !has_room(from)) ++from;
    check(from < size(), "some reachable node has room for one more link");
    links_[from][0].push_back(node);
    mark_reachable(node, reachable);
    ++repaired;
  }
  return repaired;
}

}  // namespace tillite
