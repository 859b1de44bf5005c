#include "vectors/chroma/foreign_database.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>

#include "vectors/versions/snapshot_files.h"

namespace tillite {
namespace {

// A value or row above this is no record's.
constexpr int kValueBytesMax = 64 << 20;
constexpr int kCacheKibibytes = 32 * 1024;

constexpr std::array kTables = {"collections",        "segments",         "embeddings",
                                "embedding_metadata", "embeddings_queue", "max_seq_id"};
// The one virtual table that Chroma has.
constexpr std::string_view kFullText = "embedding_fulltext_search";

/// SQLite's file and what a killed writer leaves beside it.
Result<Path> copy_database(const Path& folder, const Path& scratch) {
  const Path file = folder / kChromaFile;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    return fail(Code::not_found, "{} is no Chroma directory: it has no {}", folder.string(), kChromaFile);
  }
  const Path copy = scratch / kChromaFile;
  for (const char* suffix : {"", "-journal", "-wal"}) {
    const Path from = file.string() + suffix;
    const auto kind = std::filesystem::status(from, error).type();
    if (kind == std::filesystem::file_type::not_found) continue;
    if (kind != std::filesystem::file_type::regular) {
      return fail(Code::corrupt, "{} is no regular file", from.string());
    }
    TRY(clone_file(from, copy.string() + suffix));
  }
  return copy;
}

void distrust(SQLite::Database& database) {
  sqlite3* const handle = database.getHandle();
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, kValueBytesMax);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  database.exec("PRAGMA cell_size_check = ON");
  database.exec("PRAGMA mmap_size = 0");
  database.exec("PRAGMA foreign_keys = OFF");
  database.exec("PRAGMA synchronous = OFF");
  database.exec(fmt::format("PRAGMA cache_size = -{}", kCacheKibibytes));
}

Result<void> check_schema(SQLite::Database& database, const std::string& name) {
  SQLite::Statement odd(database,
                        "SELECT type, name FROM sqlite_schema WHERE type NOT IN ('table', 'index') OR "
                        "(type = 'table' AND sql LIKE 'CREATE VIRTUAL%' AND name <> ?)");
  odd.bind(1, std::string(kFullText));
  if (odd.executeStep()) {
    return fail(Code::corrupt, "{} has the {} '{}', which Chroma never makes: it is not read", name,
                odd.getColumn(0).getString(), odd.getColumn(1).getString().substr(0, 64));
  }
  for (const char* table : kTables) {
    if (!database.tableExists(table)) {
      return fail(Code::corrupt, "{} has no table '{}': it is no database of Chroma's", name, table);
    }
    SQLite::Statement computed(database, "SELECT 1 FROM pragma_table_xinfo(?) WHERE hidden <> 0");
    computed.bind(1, std::string(table));
    if (computed.executeStep()) {
      return fail(Code::corrupt, "{} has a computed column in '{}', which Chroma never makes", name, table);
    }
  }
  return {};
}

}  // namespace

Result<SQLite::Database> open_foreign_database(const Path& folder, const Path& scratch) {
  const Path copy = TRY(copy_database(folder, scratch));
  const std::string name = (folder / kChromaFile).string();
  return with_foreign_sqlite(name, [&]() -> Result<SQLite::Database> {
    // With the right to create: what is attached to it later is new.
    SQLite::Database database(copy.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    distrust(database);
    TRY(check_schema(database, name));
    return database;
  });
}

}  // namespace tillite
