#pragma once

#include <optional>

#include "base/ids.h"
#include "base/json.h"
#include "base/sqlite.h"

namespace tillite {

/// The key under which Chroma keeps a record's document among its metadata.
inline constexpr std::string_view kDocumentKey = "chroma:document";

/// A record as Chroma's tables hold it.
struct ChromaRow {
  RecordId id;
  Json metadata = Json::object();
  std::string document;
};

/// Reads single records of an open chroma.sqlite3, which must outlive it.
class ChromaRows {
 public:
  /// Throws what SQLiteCpp throws: call it within with_sqlite().
  explicit ChromaRows(const SQLite::Database& database);
  /// The record with this label; nothing if there is none.
  [[nodiscard]] Result<std::optional<ChromaRow>> read(std::uint64_t label);

 private:
  SQLite::Statement id_;
  SQLite::Statement metadata_;
};

}  // namespace tillite
