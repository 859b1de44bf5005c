#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace tillite {

/// Which labels are known to match a filter, and which not to: two bits for each, up to the highest that was told.
/// Labels above kHighest are not remembered.
class KnownMatches {
 public:
  static constexpr std::uint64_t kHighest = (std::uint64_t{1} << 26) - 1;

  /// Nothing if it is not known.
  [[nodiscard]] std::optional<bool> matches(std::uint64_t label) const {
    const std::uint64_t word = label / kWordBits;
    if (word >= known_.size() || (known_[word] & bit_of(label)) == 0) return std::nullopt;
    return (matching_[word] & bit_of(label)) != 0;
  }

  void tell(std::uint64_t label, bool matches) {
    if (label > kHighest) return;
    const std::uint64_t word = label / kWordBits;
    if (word >= known_.size()) {
      known_.resize(word + 1);
      matching_.resize(word + 1);
    }
    known_[word] |= bit_of(label);
    if (matches) matching_[word] |= bit_of(label);
  }

  [[nodiscard]] std::size_t bytes() const { return (known_.capacity() + matching_.capacity()) * sizeof(std::uint64_t); }

 private:
  static constexpr std::uint64_t kWordBits = 64;
  static std::uint64_t bit_of(std::uint64_t label) { return std::uint64_t{1} << (label % kWordBits); }

  std::vector<std::uint64_t> known_;
  std::vector<std::uint64_t> matching_;
};

}  // namespace tillite
