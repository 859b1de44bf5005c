#include "vectors/hnsw/cells.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
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
constexpr float kRounding = 1.001F;
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
bool Cells::is_pivot(Node node) const {
  if (node == 0) return true;
  const double u = static_cast<double>(mixed_bits(seed_ ^ kPivotSeed, node) >> 11) * 0x1.0p-53;
  return u * 2 * std::sqrt(static_cast<double>(node) + 1) < 1;
}

/// By the distances of the pivots.
Cells::Place Cells::place_at(std::span<const float> distances, std::size_t compared) const {
  std::vector<Near> cells(distances.size());
  for (Cell cell = 0; cell < cells.size(); ++cell) cells[cell] = {.distance = distances[cell], .cell = cell};
  const std::size_t average = size_ / cells.size() + 1;
  const std::size_t full = std::max(kFullCell, kFullCellOfAverage * average);
  const auto step = static_cast<std::ptrdiff_t>(2 * compared / average + 1);  // about as many as are needed
  Place place{.home = std::ranges::min(cells), .near = {}};
  bool has_home = false;
  std::size_t members = 0;
  for (auto begin = cells.begin(), end = begin; begin != cells.end(); begin = end) {
    end += std::min(step, cells.end() - end);
    std::nth_element(begin, end - 1, cells.end());
    std::sort(begin, end);
    for (const Near& near : std::span(begin, end)) {
      const std::size_t in_cell = members_[near.cell].nodes.size();
      if (!has_home && in_cell < full) {
        place.home = near;
        has_home = true;
      }
      if (members >= compared && has_home) return place;
      if (members >= compared) continue;
      place.near.push_back(near);
      members += in_cell;
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
  for (Node node = first; node < end; ++node) {
    const Near& home = places[node - first].home;
    Members& members = members_[home.cell];
    members.nodes.push_back(node);
    members.radius = std::max(members.radius, std::sqrt(home.distance));
  }
  size_ = end;
  return places;
}

void Cells::add(Node end, ThreadTeam& threads) { static_cast<void>(place(end, 0, threads)); }

std::size_t Cells::largest() const {
  std::size_t largest = 0;
  for (const auto& members : members_) largest = std::max(largest, members.nodes.size());
  return largest;
}

std::vector<Cells::Found> Cells::add_and_search(Node end, std::size_t count, std::size_t compared,
                                                ThreadTeam& threads) {
  const Node first = size_;
  auto places = place(end, compared, threads);
  std::vector<Node> order(places.size());
  std::iota(order.begin(), order.end(), first);
  std::ranges::stable_sort(order, std::less<>(), [&](Node node) { return places[node - first].home.cell; });
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

/// By the triangle inequality: codes stand for points.
bool Cells::may_have_nearer(const Near& near, float limit) const {
  const float least = std::sqrt(near.distance) - members_[near.cell].radius;
  return least <= 0 || least * least <= limit * kRounding;
}

/// Looks into each cell for all nodes that look there.
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
      part.compare(nodes);
      for (std::size_t i = 0; i < askers.size(); ++i) sets[askers[i]].offer(part.distances(i), nodes);
    }
  };
  std::size_t begin = 0;
  for (const std::size_t end : kRounds) {
    std::vector<std::vector<std::uint32_t>> askers(members_.size());
    for (std::uint32_t i = 0; i < found.size(); ++i) {
      const float limit = sets[i].tighten();
      const auto& near = places[i].near;
      for (std::size_t at = begin; at < std::min(end, near.size()); ++at) {
        if (may_have_nearer(near[at], limit)) askers[near[at].cell].push_back(i);
      }
    }
    for (Cell cell = 0; cell < askers.size(); ++cell) {
      if (!askers[cell].empty()) look_into(members_[cell].nodes, askers[cell]);
    }
    begin = end;
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    found[i].nearest = sets[i].nearest();
    std::erase_if(found[i].nearest, [&](const Neighbour& near) { return near.node == found[i].node; });
    if (found[i].nearest.size() > count) found[i].nearest.resize(count);
  }
}

}  // namespace tillite
