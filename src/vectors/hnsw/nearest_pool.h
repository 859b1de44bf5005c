#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

namespace tillite {

/// The nearest few nodes that a search has met, sorted, each expanded once: a beam. Of equal distances the larger node
/// is nearer: the other way round leaves duplicates unreachable. Distances are not negative.
class NearestPool {
 public:
  /// Empties the pool for a new search that keeps the nearest `capacity` nodes and expands the nearest `beam` of them.
  void start(std::size_t capacity, std::size_t beam) {
    beam_ = beam;
    entries_.clear();
    entries_.reserve(capacity);
    capacity_ = capacity;
    next_ = 0;
  }

  /// Whether a node so far is among the nearest, if equals come too late as in hnswlib.
  [[nodiscard]] bool has_room_for(float distance) const {
    return entries_.size() < capacity_ || bits_of(distance) < entries_.back() >> 32;
  }

  /// Takes a node if it is among the nearest; each node at most once.
  void offer(float distance, std::uint32_t node) {
    const std::uint64_t entry = (bits_of(distance) << 32) | ((kNodeMax - node) << 1);
    if (entries_.size() == capacity_) {
      if (entry >= entries_.back()) return;
      entries_.pop_back();
    }
    const std::size_t at = count_below(entry);
    next_ = std::min(next_, at);
    entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(at), entry);
  }

  /// The nearest node that was not expanded yet; nothing when all were: the search is done.
  std::optional<std::uint32_t> expand_next() {
    const auto nearest = next();
    if (nearest) entries_[next_++] |= kExpanded;
    return nearest;
  }

  /// The node that expand_next() would give now, if nothing nearer is offered before.
  [[nodiscard]] std::optional<std::uint32_t> next() {
    const std::size_t end = std::min(entries_.size(), beam_);
    while (next_ < end && (entries_[next_] & kExpanded) != 0) ++next_;
    if (next_ >= end) return std::nullopt;
    return node(next_);
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::uint32_t node(std::size_t i) const {
    return static_cast<std::uint32_t>(kNodeMax - ((entries_[i] >> 1) & kNodeMax));
  }

 private:
  /// The bits of floats that are not negative are in the order of the floats.
  static std::uint64_t bits_of(float distance) { return std::bit_cast<std::uint32_t>(distance); }

  /// A binary search without branches, whose outcomes nobody could foretell.
  [[nodiscard]] std::size_t count_below(std::uint64_t entry) const {
    const std::uint64_t* first = entries_.data();
    std::size_t count = entries_.size();
    while (count > 1) {
      const std::size_t half = count / 2;
      first = first[half - 1] < entry ? first + half : first;
      count -= half;
    }
    const auto before = static_cast<std::size_t>(first - entries_.data());
    return count == 1 && *first < entry ? before + 1 : before;
  }

  static constexpr std::uint64_t kNodeMax = (std::uint64_t{1} << 31) - 1;
  static constexpr std::uint64_t kExpanded = 1;

  std::vector<std::uint64_t> entries_;  ///< distance (32 bits), turned node (31), expanded (1): sorted as they are
  std::size_t capacity_ = 0;
  std::size_t beam_ = 0;
  std::size_t next_ = 0;  ///< all before it are expanded
};

}  // namespace tillite
