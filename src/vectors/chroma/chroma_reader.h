#pragma once

#include <memory>

#include "base/file.h"
#include "vectors/chroma/chroma_filter.h"
#include "vectors/chroma/chroma_rows.h"

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

  /// A filter over the records. The last few, and what they know, are kept for the next query; it stays until the next
  /// call of this.
  [[nodiscard]] ChromaFilter& filter(const Where& where);

 private:
  struct Parts;
  explicit ChromaReader(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
