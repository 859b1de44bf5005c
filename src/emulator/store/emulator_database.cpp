#include "emulator/store/emulator_database.h"

namespace tillite {
namespace {

constexpr int kBusyTimeoutMs = 30'000;
constexpr int kFormatVersion = 1;

// `payments`: what was computed and paid for, by custom_id and the input's hash: how often, how often with a result
// that could be used, and how often although there had been such a result.
constexpr const char* kSchema = R"sql(
CREATE TABLE files (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  bytes INTEGER NOT NULL,
  created_s INTEGER NOT NULL,
  expires_s INTEGER,
  name TEXT NOT NULL,
  purpose TEXT NOT NULL);
CREATE TABLE batches (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  due_ms INTEGER,
  model TEXT NOT NULL,
  tokens INTEGER NOT NULL,
  batch TEXT NOT NULL);
CREATE INDEX batches_due ON batches (due_ms) WHERE due_ms IS NOT NULL;
CREATE TABLE payments (
  custom_id TEXT NOT NULL,
  input_hash INTEGER NOT NULL,
  times INTEGER NOT NULL,
  good INTEGER NOT NULL,
  in_vain INTEGER NOT NULL,
  PRIMARY KEY (custom_id, input_hash)) WITHOUT ROWID;
CREATE TABLE totals (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL) WITHOUT ROWID;
)sql";

}  // namespace

Result<std::unique_ptr<EmulatorDatabase>> EmulatorDatabase::open(const Path& file) {
  return with_sqlite(fmt::format("opening {}", file.string()), [&]() -> Result<std::unique_ptr<EmulatorDatabase>> {
    auto database = std::unique_ptr<EmulatorDatabase>(new EmulatorDatabase(file));
    const int version = database->database_.execAndGet("PRAGMA user_version").getInt();
    if (version == kFormatVersion) return database;
    return fail(Code::unsupported, "{} was written by a newer version of Tillite (format {}, this program knows {})",
                file.string(), version, kFormatVersion);
  });
}

EmulatorDatabase::EmulatorDatabase(const Path& file)
    : database_(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyTimeoutMs) {
  database_.exec("PRAGMA journal_mode = WAL");
  database_.exec("PRAGMA synchronous = FULL");
  SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
  if (database_.execAndGet("PRAGMA user_version").getInt() == 0) {
    database_.exec(kSchema);
    database_.exec(fmt::format("PRAGMA user_version = {}", kFormatVersion));
  }
  transaction.commit();
}

}  // namespace tillite
