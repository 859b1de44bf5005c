#pragma once

#include "vectors/deltas/run_file.h"
#include "vectors/merge/record_news.h"

namespace tillite {

/// The records of several runs, those of deltas in `consumed` left out. One record of each run is in memory.
class RunMerge final : public RecordNews {
 public:
  explicit RunMerge(std::vector<RunReader> runs, std::vector<DeltaId> consumed = {});
  [[nodiscard]] Result<std::optional<std::pair<RecordId, RecordState>>> next() override;
  [[nodiscard]] Result<bool> is_empty() override;

 private:
  [[nodiscard]] Result<void> prime();
  [[nodiscard]] Result<void> advance(std::size_t run);

  std::vector<RunReader> runs_;
  std::vector<std::optional<Record>> heads_;  ///< the next record of each run
  std::vector<DeltaId> consumed_;             ///< sorted
  bool primed_ = false;
};

}  // namespace tillite
