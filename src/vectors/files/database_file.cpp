#include "vectors/files/database_file.h"

namespace tillite {
namespace {

constexpr int kCacheKibibytes = 8 * 1024;

/// A path as SQLite's URI: with immutable=1 a plain file name is not enough.
std::string immutable_uri(const Path& file) {
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(file).string()) {
    if (c == '%' || c == '?' || c == '#') {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

Result<SQLite::Database> open_for_building(const Path& file) {
  return with_sqlite(file.string(), [&] {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX);
    database.exec("PRAGMA page_size = 4096");
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    database.exec("PRAGMA journal_mode = OFF");
    database.exec("PRAGMA synchronous = OFF");
    database.exec(fmt::format("PRAGMA cache_size = -{}", kCacheKibibytes));
    database.exec("BEGIN EXCLUSIVE");
    return database;
  });
}

Result<void> finish_database(SQLite::Database& database) {
  const std::string name = database.getFilename();
  return with_sqlite(name, [&]() -> Result<void> {
    database.exec("COMMIT");
    const auto free_pages = database.execAndGet("PRAGMA freelist_count").getInt64();
    const auto pages = database.execAndGet("PRAGMA page_count").getInt64();
    if (free_pages > pages / 4) database.exec("VACUUM");
    database.exec("PRAGMA journal_mode = DELETE");
    if (std::filesystem::exists(name + "-wal")) {
      return fail(Code::internal, "{} was left with a write-ahead log: it cannot be published", name);
    }
    return {};
  });
}

Result<SQLite::Database> open_finished(const Path& file) {
  return with_sqlite(file.string(), [&] {
    SQLite::Database database(immutable_uri(file), SQLite::OPEN_READONLY | SQLite::OPEN_URI);
    database.exec(fmt::format("PRAGMA cache_size = -{}", kCacheKibibytes));
    database.execAndGet("SELECT count(*) FROM sqlite_schema");  // a file that is no database says so here
    return database;
  });
}

Result<std::uint64_t> unsigned_column(const SQLite::Column& column, std::string_view what) {
  const std::int64_t number = column.getInt64();
  if (!column.isInteger() || number < 0) return fail(Code::corrupt, "{} is not a number from 0", what);
  return static_cast<std::uint64_t>(number);
}

}  // namespace tillite
