#include "adapters/local/sqlite_vector_cache.h"

#include <cstring>

#include "adapters/local/vector_checksum.h"

namespace tillite {
namespace {

constexpr int kBusyTimeoutMs = 30'000;
constexpr int kFormatVersion = 1;
constexpr std::int64_t kMsADay = 24 * 3'600'000;
constexpr std::int64_t kEvictedAtOnce = 256;

// `bytes` of all vectors are kept in a row of their own, so that no write has to count.
constexpr const char* kSchema = R"sql(
CREATE TABLE vectors (
  key TEXT PRIMARY KEY,
  vector BLOB NOT NULL,
  checksum TEXT NOT NULL,
  used_day INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX vectors_used ON vectors (used_day);
CREATE TABLE total (bytes INTEGER NOT NULL);
INSERT INTO total VALUES (0);
CREATE TRIGGER vector_added AFTER INSERT ON vectors BEGIN
  UPDATE total SET bytes = bytes + length(new.key) + length(new.vector);
END;
CREATE TRIGGER vector_removed AFTER DELETE ON vectors BEGIN
  UPDATE total SET bytes = bytes - length(old.key) - length(old.vector);
END;
)sql";

std::span<const std::byte> bytes_of(std::span<const float> vector) { return std::as_bytes(vector); }

/// The vector in a row (key, vector, checksum); nothing if it is not what was written.
std::optional<std::vector<float>> vector_in(SQLite::Statement& row) {
  const SQLite::Column blob = row.getColumn(1);
  const auto size = static_cast<std::size_t>(blob.getBytes());
  const std::span bytes(static_cast<const std::byte*>(blob.getBlob()), size);
  if (size % sizeof(float) != 0 || size == 0) return std::nullopt;
  if (vector_checksum(TextKey(row.getColumn(0).getString()), bytes) != row.getColumn(2).getString())
    return std::nullopt;
  std::vector<float> vector(size / sizeof(float));
  std::memcpy(vector.data(), bytes.data(), size);
  return vector;
}

}  // namespace

Result<std::unique_ptr<SqliteVectorCache>> SqliteVectorCache::open(const Path& file, Clock& clock,
                                                                   std::uint64_t bytes_max) {
  return with_sqlite(fmt::format("opening the vector cache {}, which may be removed", file.string()),
                     [&]() -> Result<std::unique_ptr<SqliteVectorCache>> {
                       auto cache = std::unique_ptr<SqliteVectorCache>(new SqliteVectorCache(file, clock, bytes_max));
                       const int version = cache->database_.execAndGet("PRAGMA user_version").getInt();
                       if (version == kFormatVersion) return cache;
                       return fail(Code::unsupported,
                                   "{} was written by a newer version of Tillite (format {}, this program knows {})",
                                   file.string(), version, kFormatVersion);
                     });
}

SqliteVectorCache::SqliteVectorCache(const Path& file, Clock& clock, std::uint64_t bytes_max)
    : database_(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyTimeoutMs),
      clock_(clock),
      bytes_max_(bytes_max) {
  // What was removed frees its pages for what comes; the file need not shrink.
  database_.exec("PRAGMA journal_mode = WAL");
  database_.exec("PRAGMA synchronous = NORMAL");
  SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
  if (database_.execAndGet("PRAGMA user_version").getInt() == 0) {
    database_.exec(kSchema);
    database_.exec(fmt::format("PRAGMA user_version = {}", kFormatVersion));
  }
  transaction.commit();
}

std::int64_t SqliteVectorCache::today() const { return clock_.now_ms() / kMsADay; }

Result<std::vector<bool>> SqliteVectorCache::contains(std::span<const TextKey> keys) {
  const std::scoped_lock lock(mutex_);
  return with_sqlite("looking into the vector cache", [&] {
    std::vector<bool> found;
    found.reserve(keys.size());
    SQLite::Statement select(database_, "SELECT 1 FROM vectors WHERE key = ?");
    for (const TextKey& key : keys) {
      select.bind(1, key.str());
      found.push_back(select.executeStep());
      select.reset();
    }
    return found;
  });
}

Result<std::vector<std::optional<std::vector<float>>>> SqliteVectorCache::read(std::span<const TextKey> keys) {
  const std::scoped_lock lock(mutex_);
  return with_sqlite("reading the vector cache", [&] {
    std::vector<std::optional<std::vector<float>>> vectors;
    std::vector<TextKey> damaged;
    std::vector<TextKey> used;
    {
      SQLite::Statement select(database_, "SELECT key, vector, checksum, used_day FROM vectors WHERE key = ?");
      for (const TextKey& key : keys) {
        auto& vector = vectors.emplace_back();
        select.bind(1, key.str());
        if (select.executeStep()) {
          vector = vector_in(select);
          if (!vector) damaged.push_back(key);
          if (vector && select.getColumn(3).getInt64() != today()) used.push_back(key);
        }
        select.reset();
      }
    }
    if (damaged.empty() && used.empty()) return vectors;
    SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
    remove(damaged);
    SQLite::Statement note(database_, "UPDATE vectors SET used_day = ? WHERE key = ?");
    for (const TextKey& key : used) {
      note.bind(1, today());
      note.bind(2, key.str());
      note.exec();
      note.reset();
    }
    transaction.commit();
    return vectors;
  });
}

Result<void> SqliteVectorCache::keep(std::span<const CachedVector> vectors) {
  if (vectors.empty()) return {};
  const std::scoped_lock lock(mutex_);
  return with_sqlite("writing the vector cache", [&] {
    SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
    {
      SQLite::Statement insert(database_,
                               "INSERT INTO vectors (key, vector, checksum, used_day) VALUES (?, ?, ?, ?) "
                               "ON CONFLICT (key) DO NOTHING");
      for (const CachedVector& cached : vectors) {
        const auto bytes = bytes_of(cached.vector);
        insert.bind(1, cached.key.str());
        insert.bind(2, bytes.data(), static_cast<int>(bytes.size()));
        insert.bind(3, vector_checksum(cached.key, bytes));
        insert.bind(4, today());
        insert.exec();
        insert.reset();
      }
    }
    make_room();
    transaction.commit();
  });
}

void SqliteVectorCache::make_room() {
  const auto bytes = [&] {
    return static_cast<std::uint64_t>(database_.execAndGet("SELECT bytes FROM total").getInt64());
  };
  if (bytes() <= bytes_max_) return;
  while (bytes() > bytes_max_ - bytes_max_ / 10) {
    SQLite::Statement evict(
        database_, "DELETE FROM vectors WHERE key IN (SELECT key FROM vectors ORDER BY used_day, key LIMIT ?)");
    evict.bind(1, kEvictedAtOnce);
    if (evict.exec() == 0) return;
  }
}

void SqliteVectorCache::remove(std::span<const TextKey> keys) {
  SQLite::Statement erase(database_, "DELETE FROM vectors WHERE key = ?");
  for (const TextKey& key : keys) {
    erase.bind(1, key.str());
    erase.exec();
    erase.reset();
  }
}

Result<CacheFacts> SqliteVectorCache::facts() {
  const std::scoped_lock lock(mutex_);
  return with_sqlite("counting the vector cache", [&] {
    return CacheFacts{
        .vectors = static_cast<std::uint64_t>(database_.execAndGet("SELECT count(*) FROM vectors").getInt64()),
        .bytes = static_cast<std::uint64_t>(database_.execAndGet("SELECT bytes FROM total").getInt64()),
        .bytes_max = bytes_max_};
  });
}

Result<CacheFacts> SqliteVectorCache::verify() {
  std::vector<TextKey> damaged;
  TRY([&]() -> Result<void> {
    const std::scoped_lock lock(mutex_);
    return with_sqlite("verifying the vector cache", [&] {
      SQLite::Statement select(database_, "SELECT key, vector, checksum FROM vectors");
      while (select.executeStep()) {
        if (!vector_in(select)) damaged.emplace_back(select.getColumn(0).getString());
      }
      select.reset();
      SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
      remove(damaged);
      transaction.commit();
    });
  }());
  CacheFacts facts_now = TRY(facts());
  facts_now.damaged = damaged.size();
  return facts_now;
}

Result<void> SqliteVectorCache::clear() {
  const std::scoped_lock lock(mutex_);
  return with_sqlite("clearing the vector cache", [&] {
    database_.exec("DELETE FROM vectors");
    database_.exec("VACUUM");
  });
}

}  // namespace tillite
