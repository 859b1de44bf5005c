#include "vectors/hnsw/nearest_set.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/check.h"
#include "vectors/hnsw/distance.h"
#include "vectors/hnsw/ranked.h"
#include "vectors/hnsw/wide.h"

namespace tillite {
namespace {

constexpr std::size_t kRoom = 3;  // times as many are kept before the farther ones are dropped

TILLITE_WIDE std::size_t count_within(float limit, const float* distances, std::size_t size) {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < size; ++i) count += distances[i] <= limit ? 1 : 0;
  return count;
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
  if (size_ > kRoom * count_) drop_farther();
}

float NearestSet::tighten() {
  if (size_ > count_) drop_farther();
  return limit_;
}

/// Looks for a limit that leaves enough, but at most twice as many: some halvings, where sorting would ask a question
/// for each node whose answer is as good as random. The bits of floats are in the order of the floats.
void NearestSet::drop_farther() {
  const auto all = std::span(distances_).first(size_);
  std::uint32_t too_near = 0;  // but for 0 itself, which the last halving leaves
  auto enough = std::bit_cast<std::uint32_t>(std::ranges::max(all));
  while (enough - too_near > 1) {
    const std::uint32_t between = too_near + (enough - too_near) / 2;
    const std::size_t within = count_within(std::bit_cast<float>(between), all.data(), all.size());
    (within < count_ ? too_near : enough) = between;
    if (within >= count_ && within <= 2 * count_) break;
  }
  keep_up_to(std::bit_cast<float>(enough));
  if (size_ <= 2 * count_) return;

  // More than that are equally far.
  const auto kept = nearest();
  for (size_ = 0; size_ < kept.size(); ++size_) {
    distances_[size_] = kept[size_].distance;
    nodes_[size_] = kept[size_].node;
  }
}

void NearestSet::keep_up_to(float limit) {
  limit_ = limit;
  size_ = keep_within(limit, std::span(distances_).first(size_), nodes_.data(), distances_.data(), nodes_.data());
}

std::vector<Neighbour> NearestSet::nearest() const {
  std::vector<Ranked> ranked(size_);
  for (std::size_t i = 0; i < size_; ++i) ranked[i] = Ranked(distances_[i], nodes_[i]);
  if (ranked.size() > count_) {
    std::ranges::nth_element(ranked, ranked.begin() + static_cast<std::ptrdiff_t>(count_), std::less<>());
    ranked.resize(count_);
  }
  std::ranges::sort(ranked, std::less<>());
  std::vector<Neighbour> all(ranked.size());
  std::ranges::transform(ranked, all.begin(),
                         [](const Ranked& one) { return Neighbour{.distance = one.distance(), .node = one.number()}; });
  return all;
}

}  // namespace tillite
