#pragma once

#include <cstdint>
#include <span>
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

  /// Inserts nodes and gives those that were not there, in their order. Whether one was is as good as random: what a
  /// jump would cost is saved by writing each of them.
  void insert_fresh(std::span<const std::uint32_t> nodes, std::vector<std::uint32_t>& fresh) {
    fresh.resize(nodes.size());
    std::size_t count = 0;
    for (const std::uint32_t node : nodes) {
      std::uint64_t& word = words_[node / kWordBits];
      const std::uint64_t before = word;
      word |= std::uint64_t{1} << (node % kWordBits);
      fresh[count] = node;
      count += word != before ? 1 : 0;
    }
    fresh.resize(count);
  }

 private:
  static constexpr std::size_t kWordBits = 64;
  std::vector<std::uint64_t> words_;
};

}  // namespace tillite
