#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace tillite {

/// The nearest few nodes that a search has met, sorted, each expanded once: a beam. Of equal distances the larger node
/// is nearer: the other way round leaves duplicates unreachable. Distances are not negative.
class NearestPool {
 public:
  /// Empties the pool for a new search that keeps the nearest `capacity` nodes and expands the nearest `beam` of them.
  void start(std::size_t capacity, std::size_t beam);

  /// Whether a node so far is among the nearest, if equals come too late as in hnswlib.
  [[nodiscard]] bool has_room_for(float distance) const {
    return size_ < capacity_ || bits_of(distance) < entries_[size_] >> 32;
  }

  /// Takes a node if it is among the nearest; each node at most once.
  void offer(float distance, std::uint32_t node) {
    const std::int64_t entry = (bits_of(distance) << 32) | ((kNodeMax - node) << 1);
    if (size_ < capacity_ || entry < entries_[size_]) take(entry);
  }

  /// The same of many, each with its distance.
  void offer_all(std::span<const std::uint32_t> nodes, std::span<const float> distances) {
    for (std::size_t i = 0; i < nodes.size(); ++i) offer(distances[i], nodes[i]);
  }

  /// The nearest node that was not expanded yet; nothing when all were: the search is done.
  std::optional<std::uint32_t> expand_next() {
    const auto nearest = next();
    if (nearest) entries_[kFirst + next_++] |= kExpanded;
    return nearest;
  }

  /// The node that expand_next() would give now, if nothing nearer is offered before.
  [[nodiscard]] std::optional<std::uint32_t> next() {
    const std::size_t end = std::min(size_, beam_);
    while (next_ < end && (entries_[kFirst + next_] & kExpanded) != 0) ++next_;
    if (next_ >= end) return std::nullopt;
    return node(next_);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::uint32_t node(std::size_t i) const {
    return static_cast<std::uint32_t>(kNodeMax - ((entries_[kFirst + i] >> 1) & kNodeMax));
  }

 private:
  static constexpr std::int64_t kNodeMax = std::numeric_limits<std::int32_t>::max();
  static constexpr std::int64_t kExpanded = 1;
  static constexpr std::size_t kFirst = 1;  ///< before it is an entry that is less than all

  /// The bits of floats that are not negative are in the order of the floats. Without the sign -0 is 0, and what is no
  /// number the farthest.
  static std::int64_t bits_of(float distance) { return std::bit_cast<std::uint32_t>(distance) & 0x7fff'ffffU; }

  void take(std::int64_t entry);

  /// Distance (32 bits), turned node (31), expanded (1): sorted as they are; behind them none that is less than any.
  std::vector<std::int64_t> entries_;
  std::vector<std::int64_t> others_;  ///< where the next ones will be
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::size_t beam_ = 0;
  std::size_t next_ = 0;  ///< all before it are expanded
};

}  // namespace tillite
