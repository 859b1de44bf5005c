#include "vectors/hnsw/nearest_set.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "base/wide.h"
#include "vectors/hnsw/distance.h"

namespace tillite {
namespace {

constexpr std::size_t kCountedMax = 256;  // nodes whose order is found by counting
constexpr std::size_t kLanes = 16;
constexpr std::size_t kRoom = 3;  // times as many are kept before the farther ones are dropped

TILLITE_WIDE std::size_t count_within(float limit, const float* distances, std::size_t size) {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < size; ++i) count += distances[i] <= limit ? 1 : 0;
  return count;
}

/// The bits of floats that are not negative are in the order of the floats.
struct Bits {
  std::uint32_t least = 0;
  std::uint32_t greatest = 0;
};

TILLITE_WIDE Bits range_of(const float* distances, std::size_t size) {
  auto least = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t greatest = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(distances[i]);
    least = std::min(least, bits);
    greatest = std::max(greatest, bits);
  }
  return {.least = least, .greatest = greatest};
}

/// A limit within which so many are, at least and at most, if not too many are equally far: some halvings, where
/// sorting would ask a question for each whose answer is as good as random.
float limit_of(std::span<const float> distances, std::size_t least, std::size_t most) {
  auto [nearest, enough] = range_of(distances.data(), distances.size());
  std::uint32_t too_near = std::max(nearest, 1U) - 1;  // but for 0 itself, which the last halving leaves
  while (enough - too_near > 1) {
    const std::uint32_t between = too_near + (enough - too_near) / 2;
    const std::size_t within = count_within(std::bit_cast<float>(between), distances.data(), distances.size());
    (within < least ? too_near : enough) = between;
    if (within >= least && within <= most) break;
  }
  return std::bit_cast<float>(enough);
}

/// How many of all are less than each: its place in their order, if no two are equal. In whole registers: what lies
/// behind `size` is read and written, too.
TILLITE_WIDE void put_places(const float* distances, std::size_t size, std::uint32_t* places) {
  const std::size_t whole = (size + kLanes - 1) / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; ++i) {
    std::uint32_t less = 0;
    for (std::size_t j = 0; j < size; ++j) less += distances[j] < distances[i] ? 1 : 0;
    places[i] = less;
  }
}

}  // namespace

NearestSet::NearestSet(std::size_t count)
    : count_(count),
      limit_(std::numeric_limits<float>::max()),
      distances_(kRoom * count + 2 * kMatrixRows),
      nodes_(distances_.size()) {
  check(count > 0, "a set keeps one node at least");
}

void NearestSet::offer(std::span<const float> distances, std::span<const Node> nodes) {
  check(distances.size() <= kMatrixRows && nodes.size() == distances.size(), "so many nodes come at once");
  size_ += keep_within(limit_, distances, nodes.data(), distances_.data() + size_, nodes_.data() + size_);
  if (size_ > kRoom * count_) drop_farther(2 * count_);
}

float NearestSet::reach(std::size_t count) const {
  if (size_ < count) return std::numeric_limits<float>::max();
  return limit_of(std::span(distances_).first(size_), count, count + count / 4);
}

void NearestSet::drop_farther(std::size_t most) {
  keep_up_to(limit_of(std::span(distances_).first(size_), count_, most));
  if (size_ <= most) return;

  // More than that are equally far.
  const auto kept = sorted();
  for (size_ = 0; size_ < count_; ++size_) {
    distances_[size_] = kept[size_].distance;
    nodes_[size_] = kept[size_].node;
  }
}

void NearestSet::keep_up_to(float limit) {
  limit_ = limit;
  size_ = keep_within(limit, std::span(distances_).first(size_), nodes_.data(), distances_.data(), nodes_.data());
}

std::vector<Neighbour> NearestSet::nearest() {
  if (size_ > count_) drop_farther(count_);
  return sorted();
}

/// All that are kept, in their order.
std::vector<Neighbour> NearestSet::sorted() const {
  std::vector<Neighbour> all(size_);
  if (size_ <= kCountedMax) {
    std::array<std::uint32_t, kCountedMax> room;  // set before it is read
    put_places(distances_.data(), size_, room.data());
    const auto places = std::span(room).first(size_);
    for (std::size_t i = 0; i < size_; ++i) all[places[i]] = {.distance = distances_[i], .node = nodes_[i]};
    if (std::accumulate(places.begin(), places.end(), std::size_t{0}) == size_ * (size_ - 1) / 2) return all;
  }

  // Many, or some that are equally far.
  for (std::size_t i = 0; i < size_; ++i) all[i] = {.distance = distances_[i], .node = nodes_[i]};
  std::ranges::sort(all, std::less<>());
  return all;
}

}  // namespace tillite
