#pragma once

#include <optional>
#include <utility>

#include "base/file.h"
#include "vectors/files/row_layout.h"
#include "vectors/records/record.h"

namespace tillite {

/// Vectors in a file.
struct RowFile {
  Path path;
  RowLayout layout;
  std::uint64_t rows = 0;
};

/// What is new of some ids, in the order of the ids, each of them once. For one thread at a time.
class RecordNews {
 public:
  virtual ~RecordNews() = default;
  /// The next id and its state; nothing at the end.
  [[nodiscard]] virtual Result<std::optional<std::pair<RecordId, RecordState>>> next() = 0;
  /// Whether there is none at all; only before the first next().
  [[nodiscard]] virtual Result<bool> is_empty() = 0;
  /// The file in which all vectors of these records lie, each in the row that its record names, in the order of the
  /// ids; nothing if they come with their records. Whoever takes it may move it away.
  [[nodiscard]] virtual std::optional<RowFile> rows() const { return std::nullopt; }
};

}  // namespace tillite
