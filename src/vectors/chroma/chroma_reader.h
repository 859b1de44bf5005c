#pragma once

#include <memory>

#include "base/file.h"
#include "vectors/chroma/chroma_rows.h"
#include "vectors/records/where.h"

namespace tillite {

/// Tells of single labels whether their records match a filter. It must not outlive its reader.
class LabelFilter {
 public:
  explicit LabelFilter(std::unique_ptr<SQLite::Statement> check) : check_(std::move(check)) {}
  [[nodiscard]] Result<bool> matches(std::uint64_t label);

 private:
  std::unique_ptr<SQLite::Statement> check_;
};

/// The chroma.sqlite3 of a published snapshot, for reading. Threads: one at a time.
class ChromaReader {
 public:
  [[nodiscard]] static Result<ChromaReader> open(const Path& file);
  ChromaReader(ChromaReader&&) noexcept;
  ChromaReader& operator=(ChromaReader&&) noexcept;
  ~ChromaReader();

  /// The name of the HNSW segment's folder beside the file.
  [[nodiscard]] const std::string& vector_segment() const;

  /// Records that are there.
  [[nodiscard]] Result<std::uint64_t> count();
  /// The record with this label; nothing if there is none.
  [[nodiscard]] Result<std::optional<ChromaRow>> read(std::uint64_t label);

  /// The labels of all records that match, ascending.
  [[nodiscard]] Result<std::vector<std::uint64_t>> labels_matching(const Where& where);
  /// A filter for asking label by label if more than `limit` records match, as far as Chroma's indexes tell that
  /// without reading the records; else nothing.
  [[nodiscard]] Result<std::optional<LabelFilter>> filter_of_many(const Where& where, std::uint64_t limit);

 private:
  struct Parts;
  explicit ChromaReader(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
