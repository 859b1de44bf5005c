#include "vectors/merge/added_rows.h"

#include "base/check.h"

namespace tillite {

Result<AddedRows> AddedRows::open(const Path& file, const RowLayout& layout, const std::optional<RowFile>& rows) {
  AddedRows added(file, layout);
  if (!rows) {
    added.sink_.emplace(TRY(File::create(file)));
    return added;
  }
  check(rows->layout == layout, "rows lie as the merge wants them");
  std::error_code error;
  std::filesystem::rename(rows->path, file, error);
  if (error) return std::unexpected(system_error(error.value(), "moving rows to", file));
  added.rows_ = rows->rows;
  added.kept_.reserve(rows->rows);
  return added;
}

Result<void> AddedRows::add(const Record& record) {
  if (sink_) return write(record.vector);
  check(record.row && *record.row < rows_ && (kept_.empty() || kept_.back() < *record.row), "rows are named in order");
  kept_.push_back(*record.row);
  return {};
}

/// With nothing but zeros around it.
Result<void> AddedRows::write(std::span<const float> vector) {
  around_.resize(layout_.row_bytes - vector.size_bytes());
  TRY(sink_->write(std::span(around_).first(layout_.vector_offset)));
  TRY(sink_->write(std::as_bytes(vector)));
  return sink_->write(std::span(around_).subspan(layout_.vector_offset));
}

Result<void> AddedRows::finish() {
  if (sink_) return sink_->flush();
  return kept_.size() == rows_ ? Result<void>() : close_gaps();
}

/// Rows of vectors that an older base outranked are overwritten by those behind them.
Result<void> AddedRows::close_gaps() {
  auto file = TRY(File::open_update(file_));
  std::vector<std::byte> row(layout_.row_bytes);
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    if (kept_[i] == i) continue;
    TRY(file.read_at(kept_[i] * row.size(), row));
    TRY(file.write_at(i * row.size(), row));
  }
  std::error_code error;
  std::filesystem::resize_file(file_, kept_.size() * row.size(), error);
  if (error) return std::unexpected(system_error(error.value(), "shortening", file_));
  return {};
}

}  // namespace tillite
