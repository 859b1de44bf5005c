#pragma once

#include "base/sqlite.h"
#include "vectors/chroma/chroma_directory.h"

namespace tillite {

/// Brings the tables of ids and metadata of a copy of chroma.sqlite3 to where the queue is: a server that was killed
/// may not have got so far. The full text is left as it is.
[[nodiscard]] Result<void> apply_queued_metadata(SQLite::Database& database, const ChromaCollection& collection);

/// Reads the metadata and documents of an open chroma.sqlite3, which must outlive it.
class ChromaMetadata {
 public:
  /// Throws what SQLiteCpp throws.
  explicit ChromaMetadata(SQLite::Database& database);
  /// Fills in metadata and document of the row `row` of `embeddings`. `limit_exceeded` for more than a record may have.
  [[nodiscard]] Result<void> read(std::int64_t row, ChromaRecord& record);

 private:
  SQLite::Statement values_;
  std::optional<SQLite::Statement> lists_;  ///< of servers that know lists
};

}  // namespace tillite
