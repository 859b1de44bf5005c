#pragma once

#include <stop_token>

#include "ports/object_store.h"
#include "vectors/deltas/run_file.h"

namespace tillite {

/// Merges deltas into one run file at `run`. A delta that is corrupt, or bound to something else, is quarantined in the
/// run's header and does not stop its neighbours; one that is not there is `not_found` (naming it); a store that fails
/// is an error. Memory: `records_bytes_max` for records and vectors, plus the texts of the deltas that are being read,
/// twice as much at most (but for a single one, which may have 256 MiB); what is more passes through files below
/// `scratch`.
[[nodiscard]] Result<RunHeader> merge_deltas(ObjectStore& objects, const CollectionBinding& binding,
                                             const std::vector<DeltaId>& deltas, const Path& scratch, const Path& run,
                                             std::uint64_t records_bytes_max = std::uint64_t{64} << 20);

/// The same into several run files, one for each shard in their order: each has the records of its shard, and all have
/// the same deltas in their headers. `cancelled` between two deltas once `stop` is requested.
[[nodiscard]] Result<RunHeader> merge_deltas_by_shard(ObjectStore& objects, const CollectionBinding& binding,
                                                      const std::vector<DeltaId>& deltas, const Path& scratch,
                                                      const std::vector<Path>& runs, std::uint64_t records_bytes_max,
                                                      const std::stop_token& stop = {});

/// The records of several sorted runs as one sorted sequence of RecordStates, records of deltas in `consumed` left out.
class RunMerge {
 public:
  RunMerge(std::vector<RunReader> runs, std::vector<DeltaId> consumed);
  /// The next id and its state; nothing at the end.
  [[nodiscard]] Result<std::optional<std::pair<RecordId, RecordState>>> next();

 private:
  [[nodiscard]] Result<void> advance(std::size_t run);

  std::vector<RunReader> runs_;
  std::vector<std::optional<Record>> heads_;  ///< the next record of each run
  std::vector<DeltaId> consumed_;             ///< sorted
  bool primed_ = false;
};

}  // namespace tillite
