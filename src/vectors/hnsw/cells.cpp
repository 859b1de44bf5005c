#include "vectors/hnsw/cells.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

#include "vectors/hnsw/distance.h"
#include "vectors/hnsw/mixed_bits.h"
#include "vectors/hnsw/nearest_set.h"

namespace tillite {
namespace {

constexpr std::uint64_t kPivotSeed = 0x7069'766f;
constexpr std::size_t kSearchedAtOnce = 2048;  // nodes; the more, the fewer times a code is read
constexpr std::size_t kPlacedAtOnce = 1024;    // nodes; by the cells' sizes before
constexpr std::size_t kRegions = 32;           // the nodes of each search together
constexpr std::size_t kFullCell = 1024;        // nodes; or, where all cells have many, so many times the average:
constexpr std::size_t kFullCellOfAverage = 4;
// Squared distances of vectors of unit length are wrong by 3e-6 at the most, so three distances by less than this.
constexpr float kRounding = 0.006F;
// The nearest cell first, then up to which: after each of these fewer of the others may have what is near enough.
constexpr std::array<std::size_t, 3> kRounds = {1, 4, std::numeric_limits<std::size_t>::max()};

/// All places of a group, in their order.
std::vector<std::uint32_t> all_of(const CodeGroup& group) {
  std::vector<std::uint32_t> all(group.size());
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

}  // namespace

/// So that of the first n nodes about the square root of n are pivots, the first one among them.
bool Cells::is_pivot(std::size_t place) const {
  if (place == 0) return true;
  const double u = static_cast<double>(mixed_bits(seed_ ^ kPivotSeed, place) >> 11) * 0x1.0p-53;
  return u * 2 * std::sqrt(static_cast<double>(place) + 1) < 1;
}

/// By the distances of the pivots.
Cells::Place Cells::place_at(std::span<const float> distances, std::size_t compared) const {
  const auto nearest = std::ranges::min_element(distances);
  const auto region = std::ranges::min_element(distances.first(std::min(kRegions, distances.size())));
  const auto near = [&](auto at) { return Near{.distance = *at, .cell = static_cast<Cell>(at - distances.begin())}; };
  Place place{.region = near(region).cell, .home = near(nearest), .near = {}};
  const std::size_t average = nodes_.size() / distances.size() + 1;
  if (const std::size_t full = std::max(kFullCell, kFullCellOfAverage * average);
      members_[place.home.cell].nodes.size() >= full) {
    place.home = nearest_with_room(distances, full).value_or(place.home);
  }

  if (compared > 0) place.near = cells_with(compared, distances);
  return place;
}

/// The nearest cells that have so many nodes together.
std::vector<Cells::Near> Cells::cells_with(std::size_t nodes, std::span<const float> distances) const {
  const std::size_t average = nodes_.size() / distances.size() + 1;
  std::vector<Near> near;
  for (std::size_t count = 2 * nodes / average + 1;; count *= 2) {  // about as many as are needed
    NearestSet set(std::min(count, distances.size()));
    std::array<Cell, kMatrixRows> cells{};
    for (Cell begin = 0; begin < distances.size(); begin += kMatrixRows) {
      const auto some = distances.subspan(begin, std::min(kMatrixRows, distances.size() - begin));
      std::iota(cells.begin(), cells.end(), begin);
      set.offer(some, std::span(cells).first(some.size()));
    }
    near.clear();
    std::size_t members = 0;
    for (const auto& [distance, cell] : set.nearest()) {
      if (members >= nodes) return near;
      near.push_back({.distance = distance, .cell = cell});
      members += members_[cell].nodes.size();
    }
    if (members >= nodes || count >= distances.size()) return near;
  }
}

std::optional<Cells::Near> Cells::nearest_with_room(std::span<const float> distances, std::size_t full) const {
  std::optional<Near> nearest;
  for (Cell cell = 0; cell < distances.size(); ++cell) {
    if (members_[cell].nodes.size() >= full || (nearest && nearest->distance <= distances[cell])) continue;
    nearest = Near{.distance = distances[cell], .cell = cell};
  }
  return nearest;
}

/// Puts nodes behind the others, and draws pivots among them.
void Cells::take(std::span<const Node> nodes) {
  for (const Node node : nodes) {
    if (is_pivot(nodes_.size())) {
      pivots_.add(node);
      members_.emplace_back();
    }
    nodes_.push_back(node);
  }
}

/// The first `count`: nodes that came before a pivot did are not in its cell, and make others wide.
void Cells::place_anew(std::size_t count, ThreadTeam& threads) {
  for (Members& members : members_) members = {};
  static_cast<void>(place(std::span(nodes_).first(count), 0, threads));
  placed_anew_ = count;
}

/// Puts nodes into cells; where each is and looks.
std::vector<Cells::Place> Cells::place(std::span<const Node> nodes, std::size_t compared, ThreadTeam& threads) {
  const auto all_pivots = all_of(pivots_);
  std::vector<CodeGroup::Part> parts(threads.size());
  for (auto& part : parts) part.choose(pivots_, all_pivots);

  std::vector<Place> places(nodes.size());
  for (std::size_t begin = 0; begin < nodes.size(); begin += kPlacedAtOnce) {
    const std::size_t count = std::min(kPlacedAtOnce, nodes.size() - begin);
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
  static_cast<void>(place(nodes, 0, threads));
  if (nodes.size() == nodes_.size()) placed_anew_ = nodes.size();
}

std::size_t Cells::largest() const {
  std::size_t largest = 0;
  for (const auto& members : members_) largest = std::max(largest, members.nodes.size());
  return largest;
}

std::vector<Cells::Found> Cells::add_and_search(std::span<const Node> nodes, std::size_t count, std::size_t compared,
                                                ThreadTeam& threads) {
  const std::size_t known = nodes_.size();
  take(nodes);
  if (known / 2 >= placed_anew_) place_anew(known, threads);
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
  // As many parts for each thread, as large as each other.
  const std::size_t least = (found.size() + kSearchedAtOnce - 1) / kSearchedAtOnce;
  const std::size_t parts = (least + threads.size() - 1) / threads.size() * threads.size();
  groups_.resize(threads.size(), CodeGroup(codes_));
  threads.for_each(parts, [&](std::size_t part, std::size_t thread) {
    const std::size_t begin = found.size() * part / parts;
    const std::size_t size = found.size() * (part + 1) / parts - begin;
    search(groups_[thread], std::span(found).subspan(begin, size), std::span(sorted).subspan(begin, size), count);
  });
  return found;
}

/// By the triangle inequality, as codes stand for points: the distances of two nodes from a third differ by no more
/// than they are apart.
Cells::Asker Cells::asker(std::uint32_t number, const Near& near, float limit) const {
  const auto& distances = members_[near.cell].distances;
  const float apart = std::sqrt(limit) + kRounding;
  const float pivot = std::sqrt(near.distance);
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
  for (const std::size_t end : kRounds) {
    std::vector<std::vector<Asker>> askers(members_.size());
    for (std::uint32_t i = 0; i < found.size(); ++i) {
      const float limit = sets[i].tighten();
      const auto& near = places[i].near;
      for (std::size_t at = begin; at < std::min(end, near.size()); ++at) {
        const Asker one = asker(i, near[at], limit);
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
