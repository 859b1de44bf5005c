#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

namespace tillite {

/// The nodes that a search has met, of which the nearest few are expanded, each once: a beam that can be made wider.
/// All are kept, so that the search goes on from where it stopped. As in NearestPool the larger of two equally near
/// nodes is expanded first, and distances are not negative.
class WideningBeam {
 public:
  struct Met {
    float distance = 0;
    std::uint32_t node = 0;
  };

  /// Empties the beam for a new search that expands the nearest `width` nodes, at least one.
  void start(std::size_t width) {
    met_.clear();
    open_.clear();
    within_.clear();
    width_ = width;
  }

  /// Expands the nearest `width` from now on; not less than before.
  void widen(std::size_t width) {
    width_ = width;
    within_ = met_;
    if (within_.size() > width_) {
      std::ranges::nth_element(within_, within_.begin() + static_cast<std::ptrdiff_t>(width_));
      within_.resize(width_);
    }
    std::ranges::make_heap(within_);
  }

  /// Takes a node; each at most once.
  void offer(float distance, std::uint32_t node) {
    const std::uint64_t entry = entry_of(distance, node);
    met_.push_back(entry);
    open_.push_back(entry);
    std::ranges::push_heap(open_, std::ranges::greater());
    if (within_.size() == width_) {
      if (entry > within_.front()) return;
      std::ranges::pop_heap(within_);
      within_.pop_back();
    }
    within_.push_back(entry);
    std::ranges::push_heap(within_);
  }

  /// The nearest node that was not expanded yet; nothing if it is not among the nearest `width`.
  std::optional<std::uint32_t> expand_next() {
    if (open_.empty() || open_.front() > within_.front()) return std::nullopt;
    std::ranges::pop_heap(open_, std::ranges::greater());
    const std::uint64_t entry = open_.back();
    open_.pop_back();
    return met_of(entry).node;
  }

  /// Whether nothing is left to expand, however wide the beam is.
  [[nodiscard]] bool is_done() const { return open_.empty(); }

  /// The nearest `width` of all that were met, nearest first; of equally near ones the smaller node first.
  [[nodiscard]] std::vector<Met> nearest() const {
    std::vector<std::uint64_t> entries = within_;
    std::ranges::sort(entries, {}, [](std::uint64_t entry) { return entry ^ kNodeMax; });
    std::vector<Met> nearest;
    nearest.reserve(entries.size());
    for (const std::uint64_t entry : entries) nearest.push_back(met_of(entry));
    return nearest;
  }

 private:
  static constexpr std::uint32_t kNodeMax = std::numeric_limits<std::uint32_t>::max();

  /// The bits of floats that are not negative are in the order of the floats; behind them the turned node.
  static std::uint64_t entry_of(float distance, std::uint32_t node) {
    const std::uint64_t bits = std::bit_cast<std::uint32_t>(distance) & 0x7fff'ffffU;
    return bits << 32 | (kNodeMax - node);
  }
  static Met met_of(std::uint64_t entry) {
    return {.distance = std::bit_cast<float>(static_cast<std::uint32_t>(entry >> 32)),
            .node = kNodeMax - static_cast<std::uint32_t>(entry)};
  }

  std::vector<std::uint64_t> met_;
  std::vector<std::uint64_t> open_;    ///< a heap of those that were not expanded, the nearest on top
  std::vector<std::uint64_t> within_;  ///< a heap of the nearest `width_`, the farthest on top
  std::size_t width_ = 1;
};

}  // namespace tillite
