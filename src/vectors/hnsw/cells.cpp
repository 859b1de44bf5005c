#include "vectors/hnsw/cells.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <unordered_set>

#include "base/wide.h"
#include "vectors/hnsw/distance.h"
#include "vectors/hnsw/mixed_bits.h"
#include "vectors/hnsw/nearest_set.h"

namespace tillite {
namespace {

constexpr std::uint64_t kPivotSeed = 0x7069'766f;
constexpr std::size_t kSearchedAtOnce = 2048;  // nodes; the more, the fewer times a code is read
constexpr std::size_t kPlacedAtOnce = 1024;    // nodes; by the cells' sizes before
constexpr std::size_t kPivotsOfDrawn = 2;      // times as many as were drawn there may be
constexpr std::size_t kMates = 4;              // nodes that are near each other are no chance pair
constexpr float kFar = 2;                      // times as far, squared
constexpr std::size_t kRegions = 32;           // the nodes of each search together
constexpr std::size_t kFullCell = 1024;        // nodes; or, where all cells have many, so many times the average:
constexpr std::size_t kFullCellOfAverage = 4;
// Squared distances of vectors of unit length are wrong by 3e-6 at the most, so three distances by less than this.
constexpr float kRounding = 0.006F;
// The nearest cell first, then up to which: after each of these fewer of the others may have what is near enough. In
// the last ones that is what is nearer than half of the nearest so far: who has enough in its own cluster does not look
// for the rest in all others, where many are about as far.
struct Round {
  std::size_t end;
  std::size_t percent;
};
constexpr std::array<Round, 3> kRounds = {{{1, 100}, {4, 100}, {std::numeric_limits<std::size_t>::max(), 50}}};

/// The place of the first of the least. Distances are not negative, so their bits are in their order.
TILLITE_WIDE std::size_t place_of_least(const float* distances, std::size_t count) {
  auto least = std::numeric_limits<std::uint32_t>::max();
  for (std::size_t i = 0; i < count; ++i) least = std::min(least, std::bit_cast<std::uint32_t>(distances[i]));
  std::size_t place = 0;
  while (std::bit_cast<std::uint32_t>(distances[place]) != least) ++place;
  return place;
}

/// All places of a group, in their order.
std::vector<std::uint32_t> all_of(const CodeGroup& group) {
  std::vector<std::uint32_t> all(group.size());
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

}  // namespace

/// So that of the first n nodes about the square root of n are pivots, the first one among them.
bool Cells::is_drawn(std::size_t place) const {
  if (place == 0) return true;
  const double u = static_cast<double>(mixed_bits(seed_ ^ kPivotSeed, place) >> 11) * 0x1.0p-53;
  return u * 2 * std::sqrt(static_cast<double>(place) + 1) < 1;
}

void Cells::add_pivot(Node node) {
  pivots_.add(node);
  pivot_nodes_.push_back(node);
  members_.emplace_back();
}

/// Counts nodes, and draws pivots among them.
void Cells::take(std::span<const Node> nodes) {
  for (const Node node : nodes) {
    if (!is_drawn(nodes_++)) continue;
    add_pivot(node);
    ++drawn_;
  }
}

/// Makes pivots of nodes that are far nearer to others than to any pivot, one where several are near each other: their
/// cluster has none, and is spread over the cells of all others.
void Cells::add_missing_pivots(std::span<const Found> found, std::span<const Place> places) {
  std::unordered_set<Node> fresh;
  for (std::size_t i = 0; i < found.size() && pivots_.size() < kPivotsOfDrawn * drawn_; ++i) {
    const auto& [node, nearest] = found[i];
    const bool is_missed = nearest.size() >= kMates && nearest[kMates - 1].distance * kFar < places[i].home.distance;
    if (!is_missed || std::ranges::any_of(nearest, [&](const Neighbour& near) { return fresh.contains(near.node); })) {
      continue;
    }
    add_pivot(node);
    fresh.insert(node);
  }
}

/// Moves nodes into the cells of pivots that came since, if these are nearer.
void Cells::fill_new_cells(ThreadTeam& threads) {
  std::vector<std::uint32_t> fresh(pivots_.size() - filled_);
  std::iota(fresh.begin(), fresh.end(), static_cast<std::uint32_t>(filled_));
  std::vector<CodeGroup::Part> parts(threads.size());
  for (auto& part : parts) part.choose(pivots_, fresh);
  std::vector<std::vector<Move>> moves(filled_);  // by cell
  threads.for_each(moves.size(), [&](std::size_t cell, std::size_t thread) {
    moves[cell] = take_leaving(static_cast<Cell>(cell), parts[thread]);
  });
  const std::size_t too_many = full();
  for (const auto& of_cell : moves) {
    for (const auto& [node, from, to] : of_cell) insert(node, members_[to.cell].nodes.size() < too_many ? to : from);
  }
  first_new_ = static_cast<Cell>(filled_);
  filled_ = pivots_.size();
}

/// Takes those that are nearer to one of the new pivots out of their cell. By the triangle inequality a node is not
/// that is half as far from its own pivot as this is from the new ones, or less.
std::vector<Cells::Move> Cells::take_leaving(Cell cell, CodeGroup::Part& new_pivots) {
  std::vector<Move> moves;
  auto& [distances, nodes] = members_[cell];
  if (new_pivots.size() == 0 || nodes.empty()) return moves;
  new_pivots.compare({&pivot_nodes_[cell], 1});
  float nearest = std::numeric_limits<float>::max();
  for (std::size_t pivot = 0; pivot < new_pivots.size(); ++pivot) {
    nearest = std::min(nearest, new_pivots.distances(pivot).front());
  }
  const auto first = std::ranges::lower_bound(distances, (std::sqrt(nearest) - kRounding) / 2);
  auto staying = static_cast<std::size_t>(first - distances.begin());
  for (std::size_t begin = staying; begin < nodes.size(); begin += kMatrixRows) {
    const std::size_t count = std::min(kMatrixRows, nodes.size() - begin);
    new_pivots.compare(std::span(nodes).subspan(begin, count));
    for (std::size_t i = 0; i < count; ++i) {
      const Near from{.distance = distances[begin + i] * distances[begin + i], .cell = cell};
      Near to = from;
      for (std::size_t pivot = 0; pivot < new_pivots.size(); ++pivot) {
        const float distance = new_pivots.distances(pivot)[i];
        if (distance < to.distance) to = {.distance = distance, .cell = static_cast<Cell>(filled_ + pivot)};
      }
      if (to.cell != cell) {
        moves.push_back({.node = nodes[begin + i], .from = from, .to = to});
        continue;
      }
      distances[staying] = distances[begin + i];
      nodes[staying++] = nodes[begin + i];
    }
  }
  distances.resize(staying);
  nodes.resize(staying);
  return moves;
}

/// How many nodes fill a cell.
std::size_t Cells::full() const { return std::max(kFullCell, kFullCellOfAverage * (nodes_ / members_.size() + 1)); }

/// By the distances of the pivots.
Cells::Place Cells::place_at(std::span<const float> distances, std::size_t compared) const {
  const auto nearest_of_first = [&](std::size_t cells) {
    const auto cell = static_cast<Cell>(place_of_least(distances.data(), std::min(cells, distances.size())));
    return Near{.distance = distances[cell], .cell = cell};
  };
  Place place{.region = nearest_of_first(kRegions).cell, .home = nearest_of_first(distances.size()), .near = {}};
  if (members_[place.home.cell].nodes.size() >= full()) place.home = nearest_with_room(distances).value_or(place.home);
  if (compared > 0) place.near = cells_with(compared, distances);
  return place;
}

/// The nearest cells that have so many nodes together.
std::vector<Cells::Near> Cells::cells_with(std::size_t nodes, std::span<const float> distances) const {
  const std::size_t average = nodes_ / distances.size() + 1;
  std::vector<Near> near;
  for (std::size_t count = 2 * nodes / average + 1;; count *= 2) {  // about as many as are needed
    NearestSet set(std::min(count, inhabited_.size()));
    std::array<float, kMatrixRows> of_some{};
    for (std::size_t begin = 0; begin < inhabited_.size(); begin += kMatrixRows) {
      const auto some = std::span(inhabited_).subspan(begin, std::min(kMatrixRows, inhabited_.size() - begin));
      for (std::size_t i = 0; i < some.size(); ++i) of_some[i] = distances[some[i]];
      set.offer(std::span(of_some).first(some.size()), some);
    }
    const auto nearest = set.nearest();
    near.clear();
    near.reserve(nearest.size());
    std::size_t members = 0;
    for (const auto& [distance, cell] : nearest) {
      if (members >= nodes) return near;
      near.push_back({.distance = distance, .cell = cell});
      members += members_[cell].nodes.size();
    }
    if (members >= nodes || count >= inhabited_.size()) return near;
  }
}

std::optional<Cells::Near> Cells::nearest_with_room(std::span<const float> distances) const {
  std::optional<Near> nearest;
  const std::size_t too_many = full();
  for (Cell cell = 0; cell < distances.size(); ++cell) {
    if (members_[cell].nodes.size() >= too_many || (nearest && nearest->distance <= distances[cell])) continue;
    nearest = Near{.distance = distances[cell], .cell = cell};
  }
  return nearest;
}

/// Puts nodes into cells; where each is and looks.
std::vector<Cells::Place> Cells::place(std::span<const Node> nodes, std::size_t compared, ThreadTeam& threads) {
  const auto all_pivots = all_of(pivots_);
  std::vector<CodeGroup::Part> parts(threads.size());
  for (auto& part : parts) part.choose(pivots_, all_pivots);

  std::vector<Place> places(nodes.size());
  for (std::size_t begin = 0; begin < nodes.size(); begin += kPlacedAtOnce) {
    const std::size_t count = std::min(kPlacedAtOnce, nodes.size() - begin);
    inhabited_.clear();
    for (Cell cell = 0; cell < members_.size(); ++cell) {
      if (cell >= first_new_ || !members_[cell].nodes.empty()) inhabited_.push_back(cell);
    }
    threads.for_each((count + kMatrixRows - 1) / kMatrixRows, [&](std::size_t i, std::size_t thread) {
      const std::size_t first = begin + i * kMatrixRows;
      const std::size_t size = std::min(kMatrixRows, begin + count - first);
      place_some(parts[thread], nodes.subspan(first, size), std::span(places).subspan(first, size), compared);
    });
    for (std::size_t i = begin; i < begin + count; ++i) insert(nodes[i], places[i].home);
  }
  return places;
}

void Cells::insert(Node node, const Near& home) {
  auto& [distances, nodes] = members_[home.cell];
  const float distance = std::sqrt(home.distance);
  const auto at = std::ranges::upper_bound(distances, distance);
  nodes.insert(nodes.begin() + (at - distances.begin()), node);
  distances.insert(at, distance);
}

/// Finds the places of up to kMatrixRows nodes.
void Cells::place_some(CodeGroup::Part& pivots, std::span<const Node> nodes, std::span<Place> places,
                       std::size_t compared) const {
  pivots.compare(nodes);
  std::vector<float> distances(pivots.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (Cell cell = 0; cell < distances.size(); ++cell) distances[cell] = pivots.distances(cell)[i];
    places[i] = place_at(distances, compared);
  }
}

void Cells::add(std::span<const Node> nodes, ThreadTeam& threads) {
  take(nodes);
  fill_new_cells(threads);
  static_cast<void>(place(nodes, 0, threads));
}

std::size_t Cells::largest() const {
  std::size_t largest = 0;
  for (const auto& members : members_) largest = std::max(largest, members.nodes.size());
  return largest;
}

std::vector<Cells::Found> Cells::add_and_search(std::span<const Node> nodes, std::size_t count, std::size_t compared,
                                                ThreadTeam& threads) {
  take(nodes);
  fill_new_cells(threads);
  auto places = place(nodes, compared, threads);
  std::vector<std::size_t> order(nodes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, std::less<>(),
                    [&](std::size_t i) { return std::tuple(places[i].region, places[i].home.cell, i); });
  std::vector<Found> found(order.size());
  std::vector<Place> sorted(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    found[i].node = nodes[order[i]];
    sorted[i] = std::move(places[order[i]]);
  }
  shells_.clear();
  for (const auto& [distances, _] : members_) {
    shells_.push_back(distances.empty() ? Shell{} : Shell{.inner = distances.front(), .outer = distances.back()});
  }
  // As many parts for each thread, as large as each other.
  const std::size_t least = (found.size() + kSearchedAtOnce - 1) / kSearchedAtOnce;
  const std::size_t parts = (least + threads.size() - 1) / threads.size() * threads.size();
  groups_.resize(threads.size(), CodeGroup(codes_));
  threads.for_each(parts, [&](std::size_t part, std::size_t thread) {
    const std::size_t begin = found.size() * part / parts;
    const std::size_t size = found.size() * (part + 1) / parts - begin;
    search(groups_[thread], std::span(found).subspan(begin, size), std::span(sorted).subspan(begin, size), count);
  });
  add_missing_pivots(found, sorted);
  return found;
}

/// By the triangle inequality, as codes stand for points: the distances of two nodes from a third differ by no more
/// than they are apart.
Cells::Asker Cells::asker(std::uint32_t number, const Near& near, float apart) const {
  const float pivot = std::sqrt(near.distance);
  const auto& [inner, outer] = shells_[near.cell];
  if (pivot - apart > outer || pivot + apart < inner) return {.number = number};  // most of them
  const auto& distances = members_[near.cell].distances;
  const auto begin = std::ranges::lower_bound(distances, pivot - apart);
  const auto end = std::upper_bound(begin, distances.end(), pivot + apart);
  return {.number = number,
          .begin = static_cast<std::uint32_t>(begin - distances.begin()),
          .end = static_cast<std::uint32_t>(end - distances.begin())};
}

/// Looks into each cell for all nodes that look there.
void Cells::search(CodeGroup& group, std::span<Found> found, std::span<const Place> places, std::size_t count) const {
  group.clear();
  std::vector<NearestSet> sets;
  sets.reserve(found.size());
  group.reserve(found.size());
  for (const Found& of : found) {
    group.add(of.node);
    sets.emplace_back(count + 1);  // itself, too
  }
  CodeGroup::Part part;
  std::vector<std::uint32_t> asking;
  const auto look_into = [&](std::span<const Node> members, std::span<const Asker> askers) {
    for (std::size_t begin = 0; begin < members.size(); begin += kMatrixRows) {
      const auto nodes = members.subspan(begin, std::min(kMatrixRows, members.size() - begin));
      asking.clear();
      for (const Asker& asker : askers) {
        if (asker.begin < begin + nodes.size() && asker.end > begin) asking.push_back(asker.number);
      }
      if (asking.empty()) continue;
      // The machine fetches the next ones while these are compared.
      const auto ahead = members.subspan(begin + nodes.size());
      for (const Node node : ahead.first(std::min(kMatrixRows, ahead.size()))) codes_.prefetch(node);
      part.choose(group, asking);
      part.compare(nodes);
      for (std::size_t i = 0; i < asking.size(); ++i) sets[asking[i]].offer(part.distances(i), nodes);
    }
  };
  std::size_t begin = 0;
  std::vector<std::vector<Asker>> askers(members_.size());
  for (const auto [end, percent] : kRounds) {
    for (auto& of_cell : askers) of_cell.clear();
    for (std::uint32_t i = 0; i < found.size(); ++i) {
      const float apart = std::sqrt(sets[i].reach((count + 1) * percent / 100)) + kRounding;
      const auto& near = places[i].near;
      for (std::size_t at = begin; at < std::min(end, near.size()); ++at) {
        const Asker one = asker(i, near[at], apart);
        if (one.begin < one.end) askers[near[at].cell].push_back(one);
      }
    }
    for (Cell cell = 0; cell < askers.size(); ++cell) look_into(members_[cell].nodes, askers[cell]);
    begin = end;
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    found[i].nearest = sets[i].nearest();
    std::erase_if(found[i].nearest, [&](const Neighbour& near) { return near.node == found[i].node; });
    if (found[i].nearest.size() > count) found[i].nearest.resize(count);
  }
}

}  // namespace tillite
