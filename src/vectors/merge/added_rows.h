#pragma once

#include <optional>

#include "vectors/merge/record_news.h"

namespace tillite {

/// The vectors that a merge adds, as rows of a file, in the order in which they are added.
class AddedRows {
 public:
  /// At `file`, with this layout: a new one, or that which `rows` names, moved there. All vectors come the same way.
  [[nodiscard]] static Result<AddedRows> open(const Path& file, const RowLayout& layout,
                                              const std::optional<RowFile>& rows);
  /// A record's vector. Rows that records name ascend.
  [[nodiscard]] Result<void> add(const Record& record);
  /// After the last one: the file has the rows that were added, and no others.
  [[nodiscard]] Result<void> finish();
  [[nodiscard]] const Path& file() const { return file_; }

 private:
  AddedRows(Path file, const RowLayout& layout) : file_(std::move(file)), layout_(layout) {}
  [[nodiscard]] Result<void> write(std::span<const float> vector);
  [[nodiscard]] Result<void> close_gaps();

  Path file_;
  RowLayout layout_;
  std::optional<FileSink> sink_;     ///< if vectors come with their records
  std::vector<std::byte> around_;    ///< zeros, then
  std::vector<std::uint64_t> kept_;  ///< else the rows that stay
  std::uint64_t rows_ = 0;           ///< then those that are there
};

}  // namespace tillite
