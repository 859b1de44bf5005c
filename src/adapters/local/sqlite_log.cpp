#include "adapters/local/sqlite_log.h"

namespace tillite {
namespace {

constexpr int kBusyTimeoutMs = 30'000;
constexpr int kFormatVersion = 1;

constexpr const char* kSchema = R"sql(
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  log_group TEXT NOT NULL,
  stream TEXT NOT NULL,
  timestamp_ms INTEGER NOT NULL,
  ingested_ms INTEGER NOT NULL,
  message TEXT NOT NULL);
CREATE INDEX events_time ON events (log_group, timestamp_ms, id);
)sql";

/// "?, ?, ?"
std::string places(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += i == 0 ? "?" : ", ?";
  return text;
}

}  // namespace

Result<std::unique_ptr<SqliteLog>> SqliteLog::open(const Path& file, Clock& clock, std::int64_t events_max) {
  return with_sqlite(fmt::format("opening {}", file.string()), [&]() -> Result<std::unique_ptr<SqliteLog>> {
    auto log = std::unique_ptr<SqliteLog>(new SqliteLog(file, clock, events_max));
    const int version = log->database_.execAndGet("PRAGMA user_version").getInt();
    if (version == kFormatVersion) return log;
    return fail(Code::unsupported, "{} was written by a newer version of Tillite (format {}, this program knows {})",
                file.string(), version, kFormatVersion);
  });
}

SqliteLog::SqliteLog(const Path& file, Clock& clock, std::int64_t events_max)
    : database_(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyTimeoutMs),
      clock_(clock),
      events_max_(events_max) {
  database_.exec("PRAGMA journal_mode = WAL");
  database_.exec("PRAGMA synchronous = NORMAL");  // an event is not worth an fsync
  SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
  if (database_.execAndGet("PRAGMA user_version").getInt() == 0) {
    database_.exec(kSchema);
    database_.exec(fmt::format("PRAGMA user_version = {}", kFormatVersion));
  }
  transaction.commit();
}

Result<void> SqliteLog::append(std::span<const LogLine> lines) {
  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("writing to {}", database_.getFilename()), [&] {
    const std::int64_t now_ms = clock_.now_ms();
    SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
    SQLite::Statement insert(database_,
                             "INSERT INTO events (log_group, stream, timestamp_ms, ingested_ms, message) "
                             "VALUES (?, ?, ?, ?, ?)");
    for (const LogLine& line : lines) {
      insert.reset();
      insert.bind(1, line.group);
      insert.bind(2, line.stream);
      insert.bind(3, line.timestamp_ms);
      insert.bind(4, now_ms);
      insert.bind(5, line.message.substr(0, kMessageBytesMax));
      insert.exec();
    }
    // Ids go up by one, and only the oldest are ever removed.
    SQLite::Statement forget(database_, "DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?");
    forget.bind(1, events_max_);
    forget.exec();
    transaction.commit();
  });
}

Result<std::vector<LogEvent>> SqliteLog::read(const LogQuery& query) {
  std::string sql =
      "SELECT timestamp_ms, id, ingested_ms, stream, message FROM events "
      "WHERE log_group = ? AND timestamp_ms >= ? AND timestamp_ms < ?";
  if (query.after) sql += " AND (timestamp_ms, id) > (?, ?)";
  if (query.before) sql += " AND (timestamp_ms, id) < (?, ?)";
  if (!query.stream_prefix.empty()) sql += " AND substr(stream, 1, ?) = ?";
  if (!query.streams.empty()) sql += fmt::format(" AND stream IN ({})", places(query.streams.size()));
  sql += query.newest_first ? " ORDER BY timestamp_ms DESC, id DESC LIMIT ?" : " ORDER BY timestamp_ms, id LIMIT ?";

  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("reading {}", database_.getFilename()), [&] {
    SQLite::Statement select(database_, sql);
    int place = 0;
    const auto bind = [&](const auto& value) { select.bind(++place, value); };
    bind(query.group);
    bind(query.from_ms);
    bind(query.until_ms);
    for (const auto& position : {query.after, query.before}) {
      if (!position) continue;
      bind(position->timestamp_ms);
      bind(position->id);
    }
    if (!query.stream_prefix.empty()) {
      bind(static_cast<std::int64_t>(query.stream_prefix.size()));
      bind(query.stream_prefix);
    }
    for (const std::string& stream : query.streams) bind(stream);
    bind(static_cast<std::int64_t>(query.count_max));
    std::vector<LogEvent> events;
    while (select.executeStep()) {
      events.push_back(
          {.position = {.timestamp_ms = select.getColumn(0).getInt64(), .id = select.getColumn(1).getInt64()},
           .ingested_ms = select.getColumn(2).getInt64(),
           .stream = select.getColumn(3).getString(),
           .message = select.getColumn(4).getString()});
    }
    return events;
  });
}

Result<std::vector<std::string>> SqliteLog::groups() {
  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("reading {}", database_.getFilename()), [&] {
    SQLite::Statement select(database_, "SELECT DISTINCT log_group FROM events ORDER BY log_group");
    std::vector<std::string> names;
    while (select.executeStep()) names.push_back(select.getColumn(0).getString());
    return names;
  });
}

Result<std::vector<LogStream>> SqliteLog::streams(const std::string& group) {
  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("reading {}", database_.getFilename()), [&] {
    SQLite::Statement select(database_,
                             "SELECT stream, min(ingested_ms), min(timestamp_ms), max(timestamp_ms), max(ingested_ms) "
                             "FROM events WHERE log_group = ? GROUP BY stream ORDER BY stream");
    select.bind(1, group);
    std::vector<LogStream> streams;
    while (select.executeStep()) {
      streams.push_back({.name = select.getColumn(0).getString(),
                         .created_ms = select.getColumn(1).getInt64(),
                         .first_event_ms = select.getColumn(2).getInt64(),
                         .last_event_ms = select.getColumn(3).getInt64(),
                         .last_ingestion_ms = select.getColumn(4).getInt64()});
    }
    return streams;
  });
}

}  // namespace tillite
