#include "vectors/hnsw/graph.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numeric>

#include "base/check.h"
#include "base/heap.h"
#include "base/parallel.h"
#include "vectors/hnsw/graph_descent.h"
#include "vectors/hnsw/graph_walk.h"
#include "vectors/hnsw/mixed_bits.h"

namespace tillite {
namespace {

constexpr std::size_t kEncodedAtOnce = 256;
// Nodes that are linked at once: those that search the graph compare with each other; those that look into cells may be
// more, but a share of the graph only, so that most links lead to earlier ones and make its long ways.
constexpr std::size_t kWalkingNodes = 64;
constexpr std::size_t kLookingNodesMax = 8192;
constexpr std::size_t kLookingShare = 6;
constexpr std::size_t kManyShare = 8;  // of the graph that is there; if fewer may come, making cells is not worth it
// Of ef, on level 0: what is looked up in cells is compared by whole codes, and so much is enough to find as much as a
// walk does with all of ef.
constexpr std::size_t kFoundPercent = 56;
// The same above it, where few nodes of a cluster are and links must lead out of it.
constexpr std::size_t kFoundAbovePercent = 160;
constexpr std::size_t kComparedEach = 20;  // nodes, for each one of ef
// Of a beam of ef: signs may place a true neighbour behind it, and whole codes decide between more.
constexpr std::size_t kCandidatesPercent = 160;
constexpr std::size_t kFetchAhead = 8;  // codes that the machine fetches while others are compared
constexpr std::uint64_t kRotationSeed = 0x7469'6c6c;

constexpr std::size_t kDigitBits = 8;

/// Sorts links by their targets, which are below `nodes`; links of one target stay in their order. By counting, a digit
/// at a time, as links are many and each comparison's answer would be as good as random.
template <typename Link>
void sort_by_target(std::vector<Link>& links, std::size_t nodes) {
  std::vector<Link> sorted(links.size());
  for (std::size_t shift = 0; (nodes - 1) >> shift > 0; shift += kDigitBits) {
    const auto digit = [&](const Link& link) { return (link.target >> shift) % (1U << kDigitBits); };
    std::array<std::size_t, 1U << kDigitBits> places{};
    for (const Link& link : links) ++places[digit(link)];
    std::exclusive_scan(places.begin(), places.end(), places.begin(), std::size_t{0});
    for (const Link& link : links) sorted[places[digit(link)]++] = link;
    links.swap(sorted);
  }
}

/// Whether so many are worth it to put all that are there into cells.
bool are_many(std::size_t added, std::size_t known) { return added * kManyShare >= known; }

}  // namespace

std::size_t thread_count(const GraphSettings& settings) {
  return settings.threads > 0 ? settings.threads : machine_threads();
}

std::size_t Graph::batch_bytes(std::size_t known, std::size_t added, std::size_t dimensions, std::size_t code_bits) {
  constexpr std::size_t kSearchBytes = 3000;  // of a node: what it may have found, and where it looks
  if (code_bits < 8 || !are_many(added, known)) return 0;
  const std::size_t nodes = std::clamp((known + added) / kLookingShare, kWalkingNodes, kLookingNodesMax);
  return nodes * (2 * dimensions + kSearchBytes);
}

Graph::Graph(std::vector<float> centre, std::size_t nodes_max, const GraphSettings& settings)
    : settings_(settings),
      codes_(std::move(centre), settings.code_bits, mixed_bits(settings.seed, kRotationSeed)),
      links_(settings.m, nodes_max),
      looks_in_cells_(CodeGroup::can_hold(codes_)),
      threads_(thread_count(settings)),
      searches_(threads_.size()) {
  codes_.reserve(nodes_max);
  if (looks_in_cells_) codes_.put_off_signs();
}

int Graph::draw_level(Node node) const {
  const double u = (static_cast<double>(mixed_bits(settings_.seed, node) >> 11) + 1) * 0x1.0p-53;  // in (0, 1]
  return static_cast<int>(-std::log(u) / std::log(static_cast<double>(settings_.m)));
}

Node Graph::add_linked(std::span<const float> vector, int level) {
  check(max_level_ < 0, "known nodes come before new ones");
  const auto node = static_cast<Node>(size());
  copies_.push_back(0);
  links_.add(level);
  vectors_.insert(vectors_.end(), vector.begin(), vector.end());
  if (vectors_.size() == kEncodedAtOnce * codes_.dimensions()) encode_known();
  return node;
}

void Graph::set_links(Node node, int level, std::span<const Node> neighbours) {
  links_.set(node, level, neighbours, 0);
}

void Graph::take_over(Node entry, int max_level, std::size_t new_max) {
  encode_known();
  take_over_known(entry, max_level, new_max);
}

/// Begins to add to nodes that are linked.
void Graph::take_over_known(Node entry, int max_level, std::size_t new_max) {
  set_entry(entry, max_level);
  linked_ = static_cast<Node>(size());
  if (are_many(new_max, size())) return;
  looks_in_cells_ = false;
  put_signs();
}

void Graph::encode_known() {
  const std::size_t dimensions = codes_.dimensions();
  const std::size_t count = vectors_.size() / dimensions;
  const std::size_t first = size() - count;
  codes_.resize(size());
  threads_.for_each(count, [&](std::size_t i, std::size_t) {
    codes_.encode(static_cast<Node>(first + i), std::span(vectors_).subspan(i * dimensions, dimensions));
  });
  vectors_.clear();
}

/// Those that were put off while nodes looked in cells.
void Graph::put_signs() {
  const Node first = codes_.resume_signs();
  threads_.for_each(size() - first,
                    [&](std::size_t i, std::size_t) { codes_.put_signs(static_cast<Node>(first + i)); });
}

void Graph::set_entry(Node entry, int max_level) {
  check(entry < size() && links_.level(entry) == max_level, "the entry is a node of the highest level");
  entry_ = entry;
  max_level_ = max_level;
}

Result<void> Graph::add(std::size_t count, const ReadVector& read) {
  for (std::size_t added = 0; added < count;) {
    const auto first = static_cast<Node>(size());
    const std::size_t some = std::min(count - added, linked_ + batch_nodes() - first);
    for (std::size_t i = 0; i < some; ++i) {
      copies_.push_back(0);
      links_.add(draw_level(static_cast<Node>(first + i)));
    }
    TRY(encode(first, read));
    if (size() - linked_ == batch_nodes()) link_batch();
    added += some;
  }
  return {};
}

std::size_t Graph::batch_nodes() const {
  return looks_in_cells_ ? std::clamp(linked_ / kLookingShare, kWalkingNodes, kLookingNodesMax) : kWalkingNodes;
}

void Graph::link_all() {
  link_batch();
  cells_.clear();  // the largest part of what only a batch needs
  trim_heap();     // before as much comes for the signs
  put_signs();
  cut_lists();
}

void Graph::link_batch() {
  if (size() == linked_) return;
  const auto by_level = nodes_by_level(linked_, static_cast<Node>(size()));
  link_back(looks_in_cells_ ? choose_by_cells(by_level) : choose_by_walks(by_level));
  for (Node node = linked_; node < size(); ++node) {
    if (links_.level(node) > max_level_) set_entry(node, links_.level(node));
  }
  linked_ = static_cast<Node>(size());
  targets_.clear();
}

/// Encodes the nodes from `first` on. Each thread reads for itself.
Result<void> Graph::encode(Node first, const ReadVector& read) {
  codes_.resize(size());
  if (!looks_in_cells_) targets_.resize(size() - linked_);
  std::vector<Result<void>> ends(threads_.size());
  threads_.for_each(size() - first, [&](std::size_t i, std::size_t thread) {
    if (!ends[thread]) return;
    const auto node = static_cast<Node>(first + i);
    auto& vector = searches_[thread].vector;
    vector.resize(codes_.dimensions());
    ends[thread] = read(node, vector);
    if (!ends[thread]) return;
    if (looks_in_cells_) {
      codes_.encode(node, vector);
    } else {
      targets_[node - linked_] = codes_.encode_target(node, vector);
    }
  });
  for (auto& end : ends) TRY(std::move(end));
  return {};
}

/// Which of some nodes are on each level.
std::vector<std::vector<Node>> Graph::nodes_by_level(Node begin, Node end) const {
  std::vector<std::vector<Node>> by_level;
  for (Node node = begin; node < end; ++node) {
    const auto levels = static_cast<std::size_t>(links_.level(node)) + 1;
    if (by_level.size() < levels) by_level.resize(levels);
    for (std::size_t level = 0; level < levels; ++level) by_level[level].push_back(node);
  }
  return by_level;
}

/// No neighbours yet for each node of the batch, by level.
std::vector<std::vector<Graph::Chosen>> Graph::none_chosen() const {
  std::vector<std::vector<Chosen>> none(size() - linked_);
  for (std::size_t i = 0; i < none.size(); ++i) {
    none[i].resize(static_cast<std::size_t>(links_.level(static_cast<Node>(linked_ + i))) + 1);
  }
  return none;
}

/// The neighbours of each node of the batch, by level.
std::vector<std::vector<Graph::Chosen>> Graph::choose_by_cells(const std::vector<std::vector<Node>>& batch) {
  const auto count_on = [&](std::size_t level) {
    return std::max(settings_.ef_construction * (level == 0 ? kFoundPercent : kFoundAbovePercent) / 100, settings_.m);
  };
  const std::size_t compared = settings_.ef_construction * kComparedEach;
  if (cells_.empty()) {
    for (const auto& known : nodes_by_level(0, linked_))
      cells_.emplace_back(codes_, settings_.seed).add(known, threads_);
  }
  while (cells_.size() < batch.size()) cells_.emplace_back(codes_, settings_.seed);

  auto all = none_chosen();
  for (std::size_t level = 0; level < batch.size(); ++level) {
    const auto found = cells_[level].add_and_search(batch[level], count_on(level), compared, threads_);
    threads_.for_each(found.size(), [&](std::size_t i, std::size_t) {
      all[found[i].node - linked_][level] = select(candidates(found[i].nearest), settings_.m);
    });
  }
  return all;
}

/// The same.
std::vector<std::vector<Graph::Chosen>> Graph::choose_by_walks(const std::vector<std::vector<Node>>& batch) {
  auto all = none_chosen();
  threads_.for_each(all.size(), [&](std::size_t i, std::size_t thread) {
    walk_levels(static_cast<Node>(linked_ + i), batch, all[i], searches_[thread]);
  });
  return all;
}

/// Chooses the neighbours of a new node on all of its levels.
void Graph::walk_levels(Node node, const std::vector<std::vector<Node>>& batch, std::vector<Chosen>& chosen,
                        Search& search) const {
  const int level = links_.level(node);
  const Codes::Target& target = targets_[node - linked_];
  const auto apart = [&](Node other) { return codes_.rough_distance(target.rough, other); };
  const auto all_apart = [&](std::span<const Node> others, std::span<float> distances) {
    codes_.rough_distances(target.rough, others, distances);
  };
  Node nearest = max_level_ >= 0 ? descend(links_, entry_, level, apart) : 0;
  for (int at = level; at >= 0; --at) {
    search.pool.start(kCandidatesPercent * settings_.ef_construction / 100, settings_.ef_construction);
    if (at <= max_level_) walk(links_, codes_, node, nearest, at, all_apart, search.pool, search.seen);
    if (search.pool.size() > 0) nearest = search.pool.node(0);
    // The others of a batch are not linked yet; they are few enough to be compared all.
    search.others.clear();
    std::ranges::remove_copy(batch[static_cast<std::size_t>(at)], std::back_inserter(search.others), node);
    search.distances.resize(search.others.size());
    all_apart(search.others, search.distances);
    search.pool.offer_all(search.others, search.distances);
    chosen[static_cast<std::size_t>(at)] = select(candidates(nearest_in(search.pool, target)), settings_.m);
  }
}

/// The nodes of a pool in the order of their whole codes.
Graph::Neighbours Graph::nearest_in(const NearestPool& pool, const Codes::Target& target) const {
  Neighbours nodes(pool.size());
  for (std::size_t i = 0; i < std::min(kFetchAhead, pool.size()); ++i) codes_.prefetch(pool.node(i));
  for (std::size_t i = 0; i < pool.size(); ++i) {
    if (i + kFetchAhead < pool.size()) codes_.prefetch(pool.node(i + kFetchAhead));
    nodes[i] = {codes_.distance(target, pool.node(i)), pool.node(i)};
  }
  std::ranges::sort(nodes, std::less<>());
  return nodes;
}

std::vector<Graph::Candidate> Graph::candidates(std::span<const Neighbour> nearest) {
  std::vector<Candidate> all;
  all.reserve(nearest.size());
  for (const Neighbour& near : nearest) all.push_back({.neighbour = near});
  return all;
}

/// Of candidates, nearest first: those that are nearer to the target than to any that was selected before; where these
/// are few, the nearest of the others up to half of `count`, without which clusters of nearly equal texts fall apart.
Graph::Chosen Graph::select(std::span<const Candidate> candidates, std::size_t count) const {
  std::vector<Candidate> selected;
  Neighbours passed_over;
  std::vector<std::size_t> asked;  // the selected ones; who turned the last one away will often do so again
  selected.reserve(count);
  passed_over.reserve(count / 2);
  asked.reserve(count);
  for (std::size_t i = 0; i < candidates.size() && selected.size() < count; ++i) {
    if (i + kFetchAhead < candidates.size()) codes_.prefetch(candidates[i + kFetchAhead].neighbour.node);
    const Candidate& candidate = candidates[i];
    const auto& [distance, node] = candidate.neighbour;
    const auto nearer = std::ranges::find_if(asked, [&](std::size_t at) {
      const Candidate& other = selected[at];
      return !(candidate.is_known && other.is_known) && codes_.distance(node, other.neighbour.node) < distance;
    });
    if (nearer == asked.end()) {
      asked.push_back(selected.size());
      selected.push_back(candidate);
    } else {
      std::rotate(asked.begin(), nearer, nearer + 1);
      if (passed_over.size() < count / 2) passed_over.push_back(candidate.neighbour);
    }
  }
  Chosen chosen{.neighbours = {}, .diverse = selected.size()};
  chosen.neighbours.reserve(count);
  for (const Candidate& candidate : selected) chosen.neighbours.push_back(candidate.neighbour.node);
  for (const Neighbour& neighbour : passed_over) {
    if (chosen.neighbours.size() >= count / 2) break;
    chosen.neighbours.push_back(neighbour.node);
  }
  return chosen;
}

/// Sets the links that a batch has chosen, and their way back. A list is one thread's work.
void Graph::link_back(const std::vector<std::vector<Chosen>>& chosen) {
  threads_.for_each(chosen.size(), [&](std::size_t i, std::size_t) {
    for (std::size_t level = 0; level < chosen[i].size(); ++level) {
      const auto& [neighbours, diverse] = chosen[i][level];
      links_.set(static_cast<Node>(linked_ + i), static_cast<int>(level), neighbours, diverse);
    }
  });
  const auto back = back_links(chosen);
  std::vector<std::span<const BackLink>> lists;
  for (std::size_t begin = 0, end = 0; begin < back.size(); begin = end) {
    while (end < back.size() && back[end].target == back[begin].target && back[end].level == back[begin].level) ++end;
    lists.push_back(std::span(back).subspan(begin, end - begin));
  }
  threads_.for_each(lists.size(), [&](std::size_t i, std::size_t) { add_back_links(lists[i]); });
}

/// By target, level and source.
std::vector<Graph::BackLink> Graph::back_links(const std::vector<std::vector<Chosen>>& chosen) const {
  std::vector<BackLink> back;
  std::size_t levels = 0;
  for (const auto& of_node : chosen) levels = std::max(levels, of_node.size());
  for (std::size_t level = 0; level < levels; ++level) {
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (level >= chosen[i].size()) continue;
      for (const Node target : chosen[i][level].neighbours) {
        back.push_back({static_cast<int>(level), target, static_cast<Node>(linked_ + i)});
      }
    }
  }
  sort_by_target(back, size());
  return back;
}

/// Adds links to one list; where there is no room for all, the heuristic chooses.
void Graph::add_back_links(std::span<const BackLink> links) {
  const auto [level, target, first] = links.front();
  const auto present = links_.of(target, level);
  std::vector<BackLink> fresh;
  if (target >= linked_) {  // one of the batch, which may have chosen the source, too
    std::ranges::remove_copy_if(links, std::back_inserter(fresh), [&](const BackLink& link) {
      return std::ranges::find(present, link.source) != present.end();
    });
    links = fresh;
  }
  if (present.size() + links.size() > links_.room(level)) return cut_list(target, level, links);
  for (const BackLink& link : links) links_.append(target, level, link.source);
}

/// Chooses a list's links among those that it has and more.
void Graph::cut_list(Node node, int level, std::span<const BackLink> more) {
  const auto present = links_.of(node, level);
  const std::size_t diverse = links_.diverse(node, level);
  std::vector<Candidate> all;
  all.reserve(present.size() + more.size());
  for (const Node other : present) all.push_back({.neighbour = {0, other}, .is_known = all.size() < diverse});
  for (const BackLink& link : more) all.push_back({.neighbour = {0, link.source}});
  for (const Candidate& candidate : all) codes_.prefetch(candidate.neighbour.node);
  for (Candidate& candidate : all) candidate.neighbour.distance = codes_.distance(node, candidate.neighbour.node);
  std::ranges::sort(all, std::less<>(), &Candidate::neighbour);
  const auto [neighbours, still_diverse] = select(all, links_.links_max(level));
  links_.set(node, level, neighbours, still_diverse);
}

void Graph::cut_lists() {
  threads_.for_each(size(), [&](std::size_t i, std::size_t) {
    const auto node = static_cast<Node>(i);
    for (int level = 0; level <= links_.level(node); ++level) {
      if (links_.of(node, level).size() > links_.links_max(level)) cut_list(node, level, {});
    }
  });
}

}  // namespace tillite
