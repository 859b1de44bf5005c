#include "vectors/merge/run_merge.h"

#include <algorithm>

namespace tillite {

RunMerge::RunMerge(std::vector<RunReader> runs, std::vector<DeltaId> consumed)
    : runs_(std::move(runs)), heads_(runs_.size()), consumed_(std::move(consumed)) {
  std::ranges::sort(consumed_);
}

Result<void> RunMerge::prime() {
  for (std::size_t run = 0; !primed_ && run < runs_.size(); ++run) TRY(advance(run));
  primed_ = true;
  return {};
}

Result<void> RunMerge::advance(std::size_t run) {
  do {
    heads_[run] = TRY(runs_[run].next());
  } while (heads_[run] && std::ranges::binary_search(consumed_, heads_[run]->delta));
  return {};
}

Result<bool> RunMerge::is_empty() {
  TRY(prime());
  return std::ranges::none_of(heads_, [](const auto& head) { return head.has_value(); });
}

Result<std::optional<std::pair<RecordId, RecordState>>> RunMerge::next() {
  TRY(prime());
  const RecordId* least = nullptr;
  for (const auto& head : heads_) {
    if (head && (least == nullptr || head->id < *least)) least = &head->id;
  }
  if (least == nullptr) return std::optional<std::pair<RecordId, RecordState>>{};
  std::pair<RecordId, RecordState> answer{*least, {}};
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    while (heads_[run] && heads_[run]->id == answer.first) {
      fold(answer.second, *std::move(heads_[run]));
      TRY(advance(run));
    }
  }
  return std::optional(std::move(answer));
}

}  // namespace tillite
