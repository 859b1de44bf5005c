#include "vectors/merge/sorted_records.h"

#include "vectors/merge/merged_deltas.h"

namespace tillite {

Result<SortedMerge> SortedMerge::open(std::vector<std::unique_ptr<SortedRecords>> sources) {
  SortedMerge merge;
  for (auto& source : sources) merge.heads_.push_back(TRY(source->next()));
  merge.sources_ = std::move(sources);
  merge.find_least();
  return merge;
}

Result<std::optional<GatheredRecord>> SortedMerge::next() {
  if (least_ == heads_.size()) return std::optional<GatheredRecord>();
  GatheredRecord record = *std::move(heads_[least_]);
  heads_[least_] = TRY(sources_[least_]->next());
  find_least();
  return std::optional(std::move(record));
}

void SortedMerge::find_least() {
  least_ = heads_.size();
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    if (heads_[i] && (least_ == heads_.size() || stands_before(heads_[i]->line, heads_[least_]->line))) least_ = i;
  }
}

}  // namespace tillite
