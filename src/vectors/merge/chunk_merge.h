#pragma once

#include <stop_token>

#include "ports/object_store.h"
#include "vectors/deltas/run_file.h"

namespace tillite {

/// Merges deltas into one run file at `run`. A delta that is corrupt, or bound to something else, is quarantined in the
/// run's header and does not stop its neighbours; one that is not there is `not_found` (naming it); a store that fails
/// is an error. Memory, `scratch`: as DeltaGathering::read() with `records_bytes_max`.
[[nodiscard]] Result<RunHeader> merge_deltas(ObjectStore& objects, const CollectionBinding& binding,
                                             const std::vector<DeltaId>& deltas, const Path& scratch, const Path& run,
                                             std::uint64_t records_bytes_max = std::uint64_t{64} << 20);

/// The same into several run files, one for each shard in their order: each has the records of its shard, and all have
/// the same deltas in their headers. `cancelled` between two deltas once `stop` is requested.
[[nodiscard]] Result<RunHeader> merge_deltas_by_shard(ObjectStore& objects, const CollectionBinding& binding,
                                                      const std::vector<DeltaId>& deltas, const Path& scratch,
                                                      const std::vector<Path>& runs, std::uint64_t records_bytes_max,
                                                      const std::stop_token& stop = {});

}  // namespace tillite
