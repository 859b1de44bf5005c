#include "embedding/tokens/piece_merger.h"

#include <algorithm>
#include <functional>

#include "base/check.h"

namespace tillite {

void PieceMerger::rate(std::uint32_t begin) {
  const std::uint32_t second = next_[begin];
  const bool is_last = second == piece_.size();
  pair_rank_[begin] = is_last ? TokenRanks::kNone : ranks_.rank_of(piece_.substr(begin, next_[second] - begin));
  if (pair_rank_[begin] == TokenRanks::kNone) return;
  heap_.push_back(std::uint64_t{pair_rank_[begin]} << 32 | begin);
  std::ranges::push_heap(heap_, std::greater());
}

void PieceMerger::join_with_next(std::uint32_t begin) {
  const std::uint32_t gone = next_[begin];
  next_[begin] = next_[gone];
  if (next_[gone] < piece_.size()) previous_[next_[gone]] = begin;
  pair_rank_[gone] = TokenRanks::kNone;
  rate(begin);
  if (begin > 0) rate(previous_[begin]);
}

const std::vector<std::uint32_t>& PieceMerger::merge(std::string_view piece) {
  check(!piece.empty(), "a piece is not empty");
  piece_ = piece;
  const auto size = static_cast<std::uint32_t>(piece.size());
  next_.resize(size);
  previous_.resize(size);
  pair_rank_.resize(size);
  heap_.clear();
  sizes_.clear();
  for (std::uint32_t i = 0; i < size; ++i) {
    next_[i] = i + 1;
    previous_[i] = i - 1;  // of the first nothing is asked
  }
  for (std::uint32_t i = 0; i < size; ++i) rate(i);
  while (!heap_.empty()) {
    std::ranges::pop_heap(heap_, std::greater());
    const auto begin = static_cast<std::uint32_t>(heap_.back());
    const auto rank = static_cast<std::uint32_t>(heap_.back() >> 32);
    heap_.pop_back();
    if (pair_rank_[begin] == rank) join_with_next(begin);
  }
  for (std::uint32_t begin = 0; begin < size; begin = next_[begin]) sizes_.push_back(next_[begin] - begin);
  return sizes_;
}

}  // namespace tillite
