#include "vectors/hnsw/cells.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "vectors/hnsw/distance.h"
#include "vectors/hnsw/mixed_bits.h"
#include "vectors/hnsw/nearest_set.h"

namespace tillite {
namespace {

constexpr std::uint64_t kPivotSeed = 0x7069'766f;
constexpr std::size_t kSearchedAtOnce = 512;  // nodes whose codes stay in a core's cache
constexpr std::size_t kFullCell = 1024;       // nodes; or, where all cells have many, so many times the average:
constexpr std::size_t kFullCellOfAverage = 4;

/// All places of a group, in their order.
std::vector<std::uint32_t> all_of(const CodeGroup& group) {
  std::vector<std::uint32_t> all(group.size());
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

}  // namespace

/// So that of the first n nodes about the square root of n are pivots, the first one among them.
bool Cells::is_pivot(Node node) const {
  if (node == 0) return true;
  const double u = static_cast<double>(mixed_bits(seed_ ^ kPivotSeed, node) >> 11) * 0x1.0p-53;
  return u * 2 * std::sqrt(static_cast<double>(node) + 1) < 1;
}

/// By the distances of the pivots.
Cells::Place Cells::place_at(std::span<const float> distances, std::size_t compared) const {
  std::vector<std::pair<float, Cell>> cells(distances.size());
  for (Cell cell = 0; cell < cells.size(); ++cell) cells[cell] = {distances[cell], cell};
  const std::size_t average = size_ / cells.size() + 1;
  const std::size_t full = std::max(kFullCell, kFullCellOfAverage * average);
  const auto step = static_cast<std::ptrdiff_t>(2 * compared / average + 1);  // about as many as are needed
  Place place{.home = std::ranges::min(cells).second, .near = {}};
  bool has_home = false;
  std::size_t members = 0;
  for (auto begin = cells.begin(), end = begin; begin != cells.end(); begin = end) {
    end += std::min(step, cells.end() - end);
    std::nth_element(begin, end - 1, cells.end());
    std::sort(begin, end);
    for (const auto& [distance, cell] : std::span(begin, end)) {
      if (!has_home && members_[cell].size() < full) {
        place.home = cell;
        has_home = true;
      }
      if (members >= compared && has_home) return place;
      if (members >= compared) continue;
      place.near.push_back(cell);
      members += members_[cell].size();
    }
  }
  return place;
}

/// Adds nodes up to `end`; where each is and looks.
std::vector<Cells::Place> Cells::place(Node end, std::size_t compared, ThreadTeam& threads) {
  const Node first = size_;
  for (Node node = first; node < end; ++node) {
    if (!is_pivot(node)) continue;
    pivots_.add(node);
    members_.emplace_back();
  }
  const auto all_pivots = all_of(pivots_);
  std::vector<CodeGroup::Part> parts(threads.size());
  for (auto& part : parts) part.choose(pivots_, all_pivots);

  std::vector<Place> places(end - first);
  threads.for_each((places.size() + kMatrixRows - 1) / kMatrixRows, [&](std::size_t some, std::size_t thread) {
    const std::size_t begin = some * kMatrixRows;
    std::vector<Node> nodes(std::min(kMatrixRows, places.size() - begin));
    std::iota(nodes.begin(), nodes.end(), static_cast<Node>(first + begin));
    CodeGroup::Part& pivots = parts[thread];
    pivots.compare(nodes);
    std::vector<float> distances(pivots.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      for (Cell cell = 0; cell < distances.size(); ++cell) distances[cell] = pivots.distances(cell)[i];
      places[begin + i] = place_at(distances, compared);
    }
  });
  for (Node node = first; node < end; ++node) members_[places[node - first].home].push_back(node);
  size_ = end;
  return places;
}

void Cells::add(Node end, ThreadTeam& threads) { static_cast<void>(place(end, 0, threads)); }

std::size_t Cells::largest() const {
  std::size_t largest = 0;
  for (const auto& members : members_) largest = std::max(largest, members.size());
  return largest;
}

std::vector<Cells::Found> Cells::add_and_search(Node end, std::size_t count, std::size_t compared,
                                                ThreadTeam& threads) {
  const Node first = size_;
  auto places = place(end, compared, threads);
  std::vector<Node> order(places.size());
  std::iota(order.begin(), order.end(), first);
  std::ranges::stable_sort(order, std::less<>(), [&](Node node) { return places[node - first].home; });
  std::vector<Found> found(order.size());
  std::vector<Place> sorted(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    found[i].node = order[i];
    sorted[i] = std::move(places[order[i] - first]);
  }
  // As many parts for each thread, as large as each other.
  const std::size_t least = (found.size() + kSearchedAtOnce - 1) / kSearchedAtOnce;
  const std::size_t parts = (least + threads.size() - 1) / threads.size() * threads.size();
  threads.for_each(parts, [&](std::size_t part, std::size_t) {
    const std::size_t begin = found.size() * part / parts;
    const std::size_t size = found.size() * (part + 1) / parts - begin;
    search(std::span(found).subspan(begin, size), std::span(sorted).subspan(begin, size), count);
  });
  return found;
}

/// Looks into each cell once, for all nodes that look there.
void Cells::search(std::span<Found> found, std::span<const Place> places, std::size_t count) const {
  CodeGroup group(codes_);
  std::vector<NearestSet> sets;
  sets.reserve(found.size());
  for (const Found& of : found) {
    group.add(of.node);
    sets.emplace_back(count + 1);  // itself, too
  }
  CodeGroup::Part part;
  const auto look_into = [&](std::span<const Node> members, std::span<const std::uint32_t> askers) {
    part.choose(group, askers);
    for (std::size_t begin = 0; begin < members.size(); begin += kMatrixRows) {
      const auto nodes = members.subspan(begin, std::min(kMatrixRows, members.size() - begin));
      const auto ahead = members.subspan(begin + nodes.size());
      for (const Node node : ahead.first(std::min(kMatrixRows, ahead.size()))) codes_.prefetch(node);
      part.compare(nodes);
      for (std::size_t i = 0; i < askers.size(); ++i) sets[askers[i]].offer(part.distances(i), nodes);
    }
  };
  const auto look = [&](const auto& cells_of) {
    std::vector<std::vector<std::uint32_t>> askers(members_.size());
    for (std::uint32_t i = 0; i < found.size(); ++i) {
      for (const Cell cell : cells_of(places[i])) askers[cell].push_back(i);
    }
    for (Cell cell = 0; cell < askers.size(); ++cell) {
      if (!askers[cell].empty()) look_into(members_[cell], askers[cell]);
    }
  };
  // The nearest cell first: after it few of the others' members are near enough.
  look([](const Place& place) { return std::span(place.near).first(1); });
  look([](const Place& place) { return std::span(place.near).subspan(1); });
  for (std::size_t i = 0; i < found.size(); ++i) {
    found[i].nearest = sets[i].nearest();
    std::erase_if(found[i].nearest, [&](const Neighbour& near) { return near.node == found[i].node; });
    if (found[i].nearest.size() > count) found[i].nearest.resize(count);
  }
}

}  // namespace tillite
