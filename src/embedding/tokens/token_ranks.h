#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tillite {

/// The tokens of an encoding and their ranks: of two tokens that could be made, the one of the lower rank is.
/// Immutable; threads: any. Memory: 2.1 MB for cl100k_base.
class TokenRanks {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  /// The ranks in a file of data/cl100k_base (its README says what is in it). The file is part of the program: one that
  /// is damaged ends it.
  explicit TokenRanks(std::span<const std::byte> file);

  /// The rank of the token of these bytes, or kNone.
  [[nodiscard]] std::uint32_t rank_of(std::string_view bytes) const;
  /// How many tokens there are: ranks go from 0 to size() - 1.
  [[nodiscard]] std::size_t size() const { return ends_.size() - 1; }
  /// The bytes of a token, by its rank.
  [[nodiscard]] std::string_view token(std::uint32_t rank) const {
    return std::string_view(bytes_).substr(ends_[rank], ends_[rank + 1] - ends_[rank]);
  }

 private:
  void read_tokens(std::string_view listed);
  void index_tokens();

  std::string bytes_;                ///< of all tokens, one after the other
  std::vector<std::uint32_t> ends_;  ///< where in them a token begins, and the one before it ends
  std::size_t longest_ = 0;
  /// Open addressing: part of the token's hash above its rank, or kNone.
  std::vector<std::uint32_t> slots_;
};

/// The ranks of cl100k_base, as they were built into the program. Made anew by each call.
[[nodiscard]] TokenRanks cl100k_base_ranks();

}  // namespace tillite
