#pragma once

#include <functional>
#include <span>
#include <vector>

#include "vectors/hnsw/segment_files.h"

namespace tillite {

/// Rows of equal size, of a file, that are read one after the other; in bounded memory.
class Rows {
 public:
  Rows(const File& file, std::size_t row_bytes, std::uint64_t count);
  /// Valid until the next call.
  [[nodiscard]] Result<const std::byte*> row(std::uint64_t index);

 private:
  const File& file_;
  std::size_t row_bytes_;
  std::uint64_t count_;
  std::vector<std::byte> buffer_;
  std::uint64_t first_ = UINT64_MAX;
};

/// What data_level0.bin is made of: rows of a base, then new vectors.
struct Level0Content {
  const File* base = nullptr;                ///< of the same layout; null: there is none
  std::uint64_t base_elements = 0;           ///< rows that it has
  std::string base_checksum;                 ///< the checksum that it is to have; empty: that is not checked
  std::span<const std::uint64_t> base_rows;  ///< those that are taken, ascending
  Path new_vectors;                          ///< float32 rows; empty: they lie in the file that is written
  std::uint64_t new_vectors_count = 0;
  /// Gives a row its links, flag and label; all but the vector of a base's row is as it was there. Called by any
  /// thread, for some rows twice.
  std::function<Result<void>(std::uint64_t element, std::span<std::byte> row)> complete;
  std::size_t threads = 1;  ///< at most
};

/// Writes data_level0.bin in one pass: a base's rows are read, hashed, changed where they lie, hashed anew and written,
/// a part of the file by each thread. So are new rows that lie in the file already. The answer: the file's checksum.
/// `corrupt` if the base is not what it is to be.
[[nodiscard]] Result<std::string> write_level0(const Path& file, const SegmentHeader& header,
                                               const Level0Content& content);

}  // namespace tillite
