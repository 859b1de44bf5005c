#pragma once

#include <span>
#include <vector>

#include "base/file.h"
#include "base/private_pages.h"

namespace tillite {

/// The rows of vectors that wait for their turn: in memory as long as they have room there, then in a file, to which
/// they go many at a time. For one thread.
class GatheredVectors {
 public:
  /// Memory: `bytes_max`. The file is empty, and only this uses it.
  GatheredVectors(std::size_t dimensions, std::uint64_t bytes_max, File file);

  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] Result<void> add(std::span<const float> vector);
  /// A row where it lies, or as it was read into `room`.
  [[nodiscard]] Result<std::span<const float>> read(std::uint64_t row, std::vector<float>& room);
  /// Forgets the rows from this one on.
  void resize(std::uint64_t rows);

 private:
  [[nodiscard]] std::uint64_t row_bytes() const { return dimensions_ * sizeof(float); }
  [[nodiscard]] std::uint64_t place_of(std::uint64_t row) const { return (row - in_memory_max_) * row_bytes(); }
  [[nodiscard]] Result<void> write_tail();

  std::size_t dimensions_;
  std::uint64_t tail_bytes_;
  std::uint64_t in_memory_max_;  ///< rows
  File file_;
  PagedArray<float> numbers_{PagesRead::in_passing};  ///< of the rows in memory
  std::vector<float> tail_;                           ///< of those behind the file's
  std::uint64_t tail_begin_;
  std::uint64_t rows_ = 0;
};

}  // namespace tillite
