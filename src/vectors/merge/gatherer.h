#pragma once

#include <memory>

#include "base/byte_budget.h"
#include "vectors/merge/gathered_vectors.h"
#include "vectors/merge/sorted_records.h"

namespace tillite {

/// The records of deltas in their order. What is more than the memory may hold waits in sorted pieces on the disk. For
/// one thread.
class Gatherer {
 public:
  /// `room`: a folder of its own. Memory: `bytes_max`, three quarters of it for vectors, and a buffer for each of
  /// `pieces_max` pieces, which are open at once.
  [[nodiscard]] static Result<Gatherer> create(const CollectionBinding& binding, const Path& room,
                                               std::uint64_t bytes_max, std::size_t pieces_max);

  /// Adds a delta whole, or not at all: `corrupt` or `unsupported` if it is not what it should be. While its lines are
  /// read they have a share of `line_budget`.
  [[nodiscard]] Result<void> add(ByteSource& file, const DeltaId& delta, ByteBudget& line_budget);
  /// After the last delta.
  void sort();
  /// What was gathered and sorted, as sequences; once. The gatherer must stay where it is until they end.
  [[nodiscard]] Result<std::vector<std::unique_ptr<SortedRecords>>> sorted();

 private:
  class RecordsInMemory;

  Gatherer(CollectionBinding binding, Path room, std::uint64_t bytes_max, std::size_t pieces_max,
           GatheredVectors vectors);

  [[nodiscard]] Result<void> add(DeltaLine&& next);
  [[nodiscard]] Result<void> spill();
  [[nodiscard]] Result<Path> write_piece(std::span<GatheredRecord> records);
  [[nodiscard]] Result<void> merge_first_pieces();
  [[nodiscard]] Path next_piece();
  [[nodiscard]] Result<void> fetch_vector(GatheredRecord& record);

  CollectionBinding binding_;
  Path room_;
  std::uint64_t bytes_max_;  ///< of the records
  std::size_t pieces_max_;   ///< open at once
  GatheredVectors vectors_;
  std::vector<GatheredRecord> records_;
  std::size_t records_before_ = 0;  ///< those of the deltas before the one that is being read
  std::uint64_t bytes_ = 0;         ///< about the memory of the records
  std::vector<Path> pieces_;
  std::vector<Path> pieces_of_delta_;  ///< of the delta that is being read
  std::size_t pieces_written_ = 0;
};

}  // namespace tillite
