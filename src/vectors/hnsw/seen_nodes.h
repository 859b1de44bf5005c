#pragma once

#include <cstdint>
#include <vector>

namespace tillite {

/// The set of nodes that a search has seen: a bit for each, so that the machine's cache holds it.
class SeenNodes {
 public:
  /// Empties the set, for nodes below `size`.
  void start(std::size_t size) { words_.assign(size / kWordBits + 1, 0); }

  /// False: it was there.
  bool insert(std::uint32_t node) {
    std::uint64_t& word = words_[node / kWordBits];
    const std::uint64_t bit = std::uint64_t{1} << (node % kWordBits);
    if ((word & bit) != 0) return false;
    word |= bit;
    return true;
  }

 private:
  static constexpr std::size_t kWordBits = 64;
  std::vector<std::uint64_t> words_;
};

}  // namespace tillite
