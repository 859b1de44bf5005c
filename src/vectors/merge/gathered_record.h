#pragma once

#include <span>
#include <vector>

#include "vectors/deltas/run_file.h"

namespace tillite {

/// A record of a delta on its way into a run or a snapshot, with its vector, which lies with the gatherer that read it,
/// or here.
struct GatheredRecord {
  RecordLine line;
  VectorSums sums;                ///< 0 if there is no vector
  std::uint64_t row = 0;          ///< with the gatherer
  std::span<const float> vector;  ///< empty until it is fetched
  std::vector<float> own;

  [[nodiscard]] Result<void> write_to(RunWriter& writer) const { return writer.add(line, sums, vector, own.empty()); }
};

}  // namespace tillite
