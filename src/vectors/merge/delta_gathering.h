#pragma once

#include <memory>
#include <stop_token>

#include "ports/object_store.h"
#include "vectors/merge/gathered_record.h"

namespace tillite {

/// The records of several deltas in the order of a run, those that a newer one supersedes left out.
class DeltaGathering {
 public:
  /// Reads deltas (one that is named twice once) on several threads. A delta that is corrupt, or bound to something
  /// else, is quarantined in the header and does not stop its neighbours; one that is not there is `not_found` (naming
  /// it); a store that fails is an error; `cancelled` between two deltas once `stop` is requested. Memory: `bytes_max`
  /// for records and vectors, plus the texts of the deltas that are being read, twice as much at most (but for a single
  /// one, which may have 256 MiB); what is more waits in files below `scratch`, which must stay as long as this.
  [[nodiscard]] static Result<DeltaGathering> read(ObjectStore& objects, const CollectionBinding& binding,
                                                   const std::vector<DeltaId>& deltas, const Path& scratch,
                                                   std::uint64_t bytes_max, const std::stop_token& stop);
  DeltaGathering(DeltaGathering&&) noexcept;
  DeltaGathering& operator=(DeltaGathering&&) noexcept;
  ~DeltaGathering();

  /// What went in, and what was quarantined.
  [[nodiscard]] const RunHeader& header() const;
  /// Whether nothing is left.
  [[nodiscard]] bool at_end() const;
  /// The records of the next id, until the next call; none at the end.
  [[nodiscard]] Result<std::span<const GatheredRecord>> next_id();

 private:
  struct Parts;
  explicit DeltaGathering(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
