#pragma once

#include <cstdint>
#include <vector>

namespace tillite {

/// The set of nodes that a search has seen, emptied in no time between searches.
class SeenNodes {
 public:
  /// Empties the set, for nodes below `size`.
  void start(std::size_t size) {
    if (++number_ == 0) {
      seen_.assign(seen_.size(), 0);
      number_ = 1;
    }
    if (seen_.size() < size) seen_.resize(2 * size, 0);
  }

  /// False: it was there.
  bool insert(std::uint32_t node) {
    if (seen_[node] == number_) return false;
    seen_[node] = number_;
    return true;
  }

 private:
  std::vector<std::uint8_t> seen_;  ///< by node: the number of the search that saw it last
  std::uint8_t number_ = 0;
};

}  // namespace tillite
