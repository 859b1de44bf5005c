#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "embedding/tokens/token_ranks.h"

namespace tillite {

/// Byte-pair encoding of one piece after another: of all neighbours that make a token together, those of the lowest
/// rank are joined, the leftmost first, until none do. A heap holds the pairs, so that a long piece takes n log n
/// steps. Keeps its memory from piece to piece; for one thread.
class PieceMerger {
 public:
  explicit PieceMerger(const TokenRanks& ranks) : ranks_(ranks) {}

  /// The sizes of the piece's tokens, in order; valid until the next call. The piece is not empty.
  [[nodiscard]] const std::vector<std::uint32_t>& merge(std::string_view piece);

 private:
  /// Looks up what the part that begins at `begin` makes together with the next one.
  void rate(std::uint32_t begin);
  void join_with_next(std::uint32_t begin);

  const TokenRanks& ranks_;
  std::string_view piece_;
  /// By the byte at which a part begins: where the next one does, and the one before it.
  std::vector<std::uint32_t> next_;
  std::vector<std::uint32_t> previous_;
  std::vector<std::uint32_t> pair_rank_;  ///< of the part with the next one; kNone if they make no token
  std::vector<std::uint64_t> heap_;       ///< rank and beginning of pairs; those whose pair_rank_ changed are void
  std::vector<std::uint32_t> sizes_;
};

}  // namespace tillite
