#pragma once

#include <memory>

#include "base/file.h"
#include "vectors/chroma_rows.h"
#include "vectors/where.h"

namespace tillite {

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

 private:
  struct Parts;
  explicit ChromaReader(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
