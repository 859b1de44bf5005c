#include "adapters/local/sqlite_execution_store.h"

#include <map>

#include "base/hash.h"

namespace tillite {
namespace {

constexpr int kBusyTimeoutMs = 30'000;
constexpr int kVersion = 2;  // PRAGMA user_version

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS machines (
  name TEXT PRIMARY KEY, type TEXT NOT NULL, definition TEXT NOT NULL, role_arn TEXT NOT NULL,
  created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS activities (name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS definitions (hash TEXT PRIMARY KEY, definition TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS executions (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE, machine TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, status TEXT NOT NULL,
  started_ms INTEGER NOT NULL, stopped_ms INTEGER NOT NULL DEFAULT 0, definition TEXT NOT NULL,
  input TEXT NOT NULL, output TEXT, error TEXT, cause TEXT,
  events INTEGER NOT NULL DEFAULT 0, redrives INTEGER NOT NULL DEFAULT 0, redriven_ms INTEGER NOT NULL DEFAULT 0,
  map_run TEXT NOT NULL DEFAULT '', owner TEXT NOT NULL DEFAULT '', lease_until_ms INTEGER NOT NULL DEFAULT 0,
  stop_request TEXT);
CREATE INDEX IF NOT EXISTS executions_machine ON executions (machine, number) WHERE map_run = '';
CREATE INDEX IF NOT EXISTS executions_running ON executions (owner, number) WHERE status = 'RUNNING';
CREATE INDEX IF NOT EXISTS executions_map_run ON executions (map_run, number) WHERE map_run <> '';
CREATE INDEX IF NOT EXISTS executions_stopped ON executions (stopped_ms) WHERE stopped_ms > 0;
CREATE TABLE IF NOT EXISTS journal (
  execution TEXT NOT NULL, first INTEGER NOT NULL, lines TEXT NOT NULL, PRIMARY KEY (execution, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  execution TEXT NOT NULL, first INTEGER NOT NULL, lines TEXT NOT NULL, PRIMARY KEY (execution, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS map_runs (
  id TEXT PRIMARY KEY, execution TEXT NOT NULL, status TEXT NOT NULL, started_ms INTEGER NOT NULL,
  stopped_ms INTEGER NOT NULL, total INTEGER NOT NULL, succeeded INTEGER NOT NULL, failed INTEGER NOT NULL,
  aborted INTEGER NOT NULL, concurrency_max INTEGER NOT NULL, tolerated_failure_count INTEGER,
  tolerated_failure_percentage REAL);
CREATE INDEX IF NOT EXISTS map_runs_execution ON map_runs (execution);
)sql";

/// What a file of version 1 lacks.
constexpr const char* kSince2 = R"sql(
ALTER TABLE map_runs ADD COLUMN tolerated_failure_count INTEGER;
ALTER TABLE map_runs ADD COLUMN tolerated_failure_percentage REAL;
)sql";

constexpr const char* kListed =
    "number, id, machine, name, type, status, started_ms, stopped_ms, error, cause, events, redrives, redriven_ms, "
    "map_run, owner, lease_until_ms";

std::optional<std::string> text_or_null(const SQLite::Column& column) {
  return column.isNull() ? std::nullopt : std::optional(column.getString());
}

template <typename Number>
std::optional<Number> number_or_null(const SQLite::Column& column) {
  if (column.isNull()) return std::nullopt;
  if constexpr (std::is_same_v<Number, double>) {
    return column.getDouble();
  } else {
    return column.getInt64();
  }
}

ExecutionRow listed_row(SQLite::Statement& select) {
  return {.id = select.getColumn(1).getString(),
          .machine = select.getColumn(2).getString(),
          .name = select.getColumn(3).getString(),
          .type = select.getColumn(4).getString(),
          .status = select.getColumn(5).getString(),
          .started_ms = select.getColumn(6).getInt64(),
          .stopped_ms = select.getColumn(7).getInt64(),
          .error = text_or_null(select.getColumn(8)),
          .cause = text_or_null(select.getColumn(9)),
          .events = select.getColumn(10).getInt64(),
          .redrives = select.getColumn(11).getInt64(),
          .redriven_ms = select.getColumn(12).getInt64(),
          .map_run = select.getColumn(13).getString(),
          .owner = select.getColumn(14).getString(),
          .lease_until_ms = select.getColumn(15).getInt64()};
}

MachineRow machine_row(SQLite::Statement& select) {
  return {.name = select.getColumn(0).getString(),
          .type = select.getColumn(1).getString(),
          .definition = select.getColumn(2).getString(),
          .role_arn = select.getColumn(3).getString(),
          .created_ms = select.getColumn(4).getInt64(),
          .updated_ms = select.getColumn(5).getInt64()};
}

MapRunRow map_run_row(SQLite::Statement& select) {
  return {.id = select.getColumn(0).getString(),
          .execution = select.getColumn(1).getString(),
          .status = select.getColumn(2).getString(),
          .started_ms = select.getColumn(3).getInt64(),
          .stopped_ms = select.getColumn(4).getInt64(),
          .total = select.getColumn(5).getInt64(),
          .succeeded = select.getColumn(6).getInt64(),
          .failed = select.getColumn(7).getInt64(),
          .aborted = select.getColumn(8).getInt64(),
          .limits = {.concurrency_max = select.getColumn(9).getInt64(),
                     .tolerated_failure_count = number_or_null<std::int64_t>(select.getColumn(10)),
                     .tolerated_failure_percentage = number_or_null<double>(select.getColumn(11))}};
}

template <typename Bound>
void bind_or_null(SQLite::Statement& statement, int place, const std::optional<Bound>& value) {
  if (value) {
    statement.bind(place, *value);
  } else {
    statement.bind(place);
  }
}

}  // namespace

/// The connection that writes, its statements prepared once.
struct SqliteExecutionStore::Writer {
  explicit Writer(const Path& file)
      : database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyTimeoutMs) {
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA cache_size = -4000");
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    const int version = database.execAndGet("PRAGMA user_version").getInt();
    if (version != 0 && version != 1) return;
    database.exec(version == 0 ? kSchema : kSince2);
    database.exec(fmt::format("PRAGMA user_version = {}", kVersion));
    transaction.commit();
  }

  SQLite::Statement& prepared(const char* sql) {
    auto found = statements.find(sql);
    if (found == statements.end()) found = statements.try_emplace(sql, database, sql).first;
    found->second.reset();
    return found->second;
  }

  /// What is being done, for errors: they name the file.
  [[nodiscard]] std::string says(std::string_view doing) const {
    return fmt::format("{} in {}", doing, database.getFilename());
  }

  void create(const ExecutionRow& row) {
    const std::string hash = sha256_hex(row.definition).substr(0, 32);
    SQLite::Statement& define = prepared("INSERT OR IGNORE INTO definitions (hash, definition) VALUES (?, ?)");
    define.bind(1, hash);
    define.bindNoCopy(2, row.definition);
    define.exec();
    SQLite::Statement& insert = prepared(
        "INSERT INTO executions (id, machine, name, type, status, started_ms, definition, input, map_run, owner, "
        "lease_until_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    insert.bindNoCopy(1, row.id);
    insert.bindNoCopy(2, row.machine);
    insert.bindNoCopy(3, row.name);
    insert.bindNoCopy(4, row.type);
    insert.bindNoCopy(5, row.status);
    insert.bind(6, row.started_ms);
    insert.bindNoCopy(7, hash);
    insert.bindNoCopy(8, row.input);
    insert.bindNoCopy(9, row.map_run);
    insert.bindNoCopy(10, row.owner);
    insert.bind(11, row.lease_until_ms);
    insert.exec();
  }

  std::mutex mutex;
  SQLite::Database database;
  std::map<const char*, SQLite::Statement> statements;  ///< by the address of their text: each place has its own
};

class SqliteExecutionStore::Transaction final : public Batch {
 public:
  Transaction(Writer& writer, std::string owner)
      : writer_(writer),
        lock_(writer.mutex),
        owner_(std::move(owner)),
        transaction_(writer.database, SQLite::TransactionBehavior::IMMEDIATE) {}

  Result<void> check_owner(const std::string& id) override {
    return with_sqlite(writer_.says("looking for an execution's owner"), [&]() -> Result<void> {
      SQLite::Statement& select = writer_.prepared("SELECT 1 FROM executions WHERE id = ? AND owner = ?");
      select.bindNoCopy(1, id);
      select.bindNoCopy(2, owner_);
      const bool owned = select.executeStep();
      select.reset();  // else it holds on to what it read, and the next transaction cannot begin
      if (owned) return {};
      return fail(Code::lost_lease, "the execution {} was taken over by another process", id);
    });
  }

  Result<void> create(const ExecutionRow& row) override {
    return with_sqlite(writer_.says("recording an execution"), [&] { writer_.create(row); });
  }

  Result<void> take_over(const std::string& id, std::int64_t lease_until_ms) override {
    return with_sqlite(writer_.says("taking a child over"), [&] {
      SQLite::Statement& update =
          writer_.prepared("UPDATE executions SET owner = ?, lease_until_ms = ? WHERE id = ? AND status = 'RUNNING'");
      update.bindNoCopy(1, owner_);
      update.bind(2, lease_until_ms);
      update.bindNoCopy(3, id);
      update.exec();
    });
  }

  Result<void> add_journal(const std::string& id, const Block& block) override {
    return add("INSERT INTO journal (execution, first, lines) VALUES (?, ?, ?)", id, block);
  }
  Result<void> add_events(const std::string& id, const Block& block) override {
    return add("INSERT INTO events (execution, first, lines) VALUES (?, ?, ?)", id, block);
  }

  Result<void> update(const ExecutionRow& row) override {
    return with_sqlite(writer_.says("updating an execution"), [&] {
      SQLite::Statement& update = writer_.prepared(
          "UPDATE executions SET status = ?, stopped_ms = ?, output = ?, error = ?, cause = ?, events = ?, redrives = "
          "?, redriven_ms = ?, owner = ?, lease_until_ms = ?, stop_request = iif(?1 = 'RUNNING', stop_request, NULL) "
          "WHERE "
          "id = ?");
      update.bindNoCopy(1, row.status);
      update.bind(2, row.stopped_ms);
      bind_or_null(update, 3, row.output);
      bind_or_null(update, 4, row.error);
      bind_or_null(update, 5, row.cause);
      update.bind(6, row.events);
      update.bind(7, row.redrives);
      update.bind(8, row.redriven_ms);
      const bool runs = row.status == "RUNNING";
      update.bind(9, runs ? row.owner : std::string());
      update.bind(10, runs ? row.lease_until_ms : 0);
      update.bindNoCopy(11, row.id);
      update.exec();
    });
  }

  Result<void> put_map_run(const MapRunRow& run) override {
    return with_sqlite(writer_.says("recording a map run"), [&] {
      SQLite::Statement& put = writer_.prepared(
          "INSERT INTO map_runs (id, execution, status, started_ms, stopped_ms, total, succeeded, failed, aborted, "
          "concurrency_max, tolerated_failure_count, tolerated_failure_percentage) "
          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (id) DO UPDATE SET status = ?3, "
          "started_ms = ?4, stopped_ms = ?5, total = ?6, succeeded = ?7, failed = ?8, aborted = ?9");
      put.bindNoCopy(1, run.id);
      put.bindNoCopy(2, run.execution);
      put.bindNoCopy(3, run.status);
      put.bind(4, run.started_ms);
      put.bind(5, run.stopped_ms);
      put.bind(6, run.total);
      put.bind(7, run.succeeded);
      put.bind(8, run.failed);
      put.bind(9, run.aborted);
      put.bind(10, run.limits.concurrency_max);
      bind_or_null(put, 11, run.limits.tolerated_failure_count);
      bind_or_null(put, 12, run.limits.tolerated_failure_percentage);
      put.exec();
    });
  }

  Result<void> commit() override {
    auto committed = with_sqlite(writer_.says("writing executions"), [&] { transaction_.commit(); });
    if (committed) lock_.unlock();  // others may write, however long this object lives
    return committed;
  }

 private:
  Result<void> add(const char* sql, const std::string& id, const Block& block) {
    return with_sqlite(writer_.says("writing an execution's history"), [&] {
      SQLite::Statement& insert = writer_.prepared(sql);
      insert.bindNoCopy(1, id);
      insert.bind(2, block.first);
      insert.bindNoCopy(3, block.lines);
      insert.exec();
    });
  }

  Writer& writer_;
  std::unique_lock<std::mutex> lock_;
  std::string owner_;
  SQLite::Transaction transaction_;
};

Result<std::unique_ptr<SqliteExecutionStore>> SqliteExecutionStore::open(const Path& file) {
  return with_sqlite(fmt::format("opening {}", file.string()), [&]() -> Result<std::unique_ptr<SqliteExecutionStore>> {
    std::unique_ptr<SqliteExecutionStore> store(new SqliteExecutionStore(file));
    const int version = store->reader_.execAndGet("PRAGMA user_version").getInt();
    if (version == kVersion) return store;
    return fail(Code::unsupported, "{} has version {}, this program knows up to {}: use a newer program", file.string(),
                version, kVersion);
  });
}

SqliteExecutionStore::SqliteExecutionStore(const Path& file)
    : writer_(std::make_unique<Writer>(file)), reader_(file.string(), SQLite::OPEN_READONLY, kBusyTimeoutMs) {}
SqliteExecutionStore::~SqliteExecutionStore() = default;

Result<void> SqliteExecutionStore::put_machine(const MachineRow& machine) {
  const std::scoped_lock lock(writer_->mutex);
  return with_sqlite(writer_->says("recording a state machine"), [&] {
    SQLite::Statement& put = writer_->prepared(
        "INSERT INTO machines (name, type, definition, role_arn, created_ms, updated_ms) VALUES (?1, ?2, ?3, ?4, ?5, "
        "?6) "
        "ON CONFLICT (name) DO UPDATE SET definition = ?3, role_arn = ?4, updated_ms = ?6");
    put.bind(1, machine.name);
    put.bind(2, machine.type);
    put.bind(3, machine.definition);
    put.bind(4, machine.role_arn);
    put.bind(5, machine.created_ms);
    put.bind(6, machine.updated_ms);
    put.exec();
  });
}

Result<std::optional<MachineRow>> SqliteExecutionStore::machine(const std::string& name) {
  const std::scoped_lock lock(reader_mutex_);
  return with_sqlite(writer_->says("reading a state machine"), [&]() -> std::optional<MachineRow> {
    SQLite::Statement select(
        reader_, "SELECT name, type, definition, role_arn, created_ms, updated_ms FROM machines WHERE name = ?");
    select.bind(1, name);
    if (!select.executeStep()) return std::nullopt;
    return machine_row(select);
  });
}

Result<std::vector<MachineRow>> SqliteExecutionStore::machines() {
  const std::scoped_lock lock(reader_mutex_);
  return with_sqlite(writer_->says("reading the state machines"), [&] {
    std::vector<MachineRow> machines;
    SQLite::Statement select(
        reader_, "SELECT name, type, definition, role_arn, created_ms, updated_ms FROM machines ORDER BY name");
    while (select.executeStep()) machines.push_back(machine_row(select));
    return machines;
  });
}

Result<bool> SqliteExecutionStore::remove_machine(const std::string& name) {
  const std::scoped_lock lock(writer_->mutex);
  return with_sqlite(writer_->says("removing a state machine"), [&] {
    SQLite::Statement& erase = writer_->prepared("DELETE FROM machines WHERE name = ?");
    erase.bind(1, name);
    return erase.exec() > 0;
  });
}

Result<void> SqliteExecutionStore::put_activity(const ActivityRow& activity) {
  const std::scoped_lock lock(writer_->mutex);
  return with_sqlite("recording an activity", [&] {
    SQLite::Statement& put = writer_->prepared("INSERT OR IGNORE INTO activities (name, created_ms) VALUES (?, ?)");
    put.bind(1, activity.name);
    put.bind(2, activity.created_ms);
    put.exec();
  });
}

Result<std::vector<ActivityRow>> SqliteExecutionStore::activities() {
  const std::scoped_lock lock(reader_mutex_);
  return with_sqlite("reading the activities", [&] {
    std::vector<ActivityRow> activities;
    SQLite::Statement select(reader_, "SELECT name, created_ms FROM activities ORDER BY name");
    while (select.executeStep()) {
      activities.push_back({.name = select.getColumn(0).getString(), .created_ms = select.getColumn(1).getInt64()});
    }
    return activities;
  });
}

Result<bool> SqliteExecutionStore::remove_activity(const std::string& name) {
  const std::scoped_lock lock(writer_->mutex);
  return with_sqlite("removing an activity", [&] {
    SQLite::Statement& erase = writer_->prepared("DELETE FROM activities WHERE name = ?");
    erase.bind(1, name);
    return erase.exec() > 0;
  });
}

Result<void> SqliteExecutionStore::create(const ExecutionRow& row) {
  const std::scoped_lock lock(writer_->mutex);
  return with_sqlite(writer_->says("recording an execution"), [&] {
    SQLite::Transaction transaction(writer_->database, SQLite::TransactionBehavior::IMMEDIATE);
    writer_->create(row);
    transaction.commit();
  });
}

Result<std::optional<ExecutionRow>> SqliteExecutionStore::execution(const std::string& id) {
  const std::scoped_lock lock(reader_mutex_);
  return with_sqlite(writer_->says("reading an execution"), [&]() -> std::optional<ExecutionRow> {
    SQLite::Statement select(reader_, fmt::format("SELECT {}, input, output, (SELECT d.definition FROM definitions d "
                                                  "WHERE d.hash = executions.definition) FROM executions WHERE id = ?",
                                                  kListed));
    select.bind(1, id);
    if (!select.executeStep()) return std::nullopt;
    ExecutionRow row = listed_row(select);
    row.input = select.getColumn(16).getString();
    row.output = text_or_null(select.getColumn(17));
    row.definition = select.getColumn(18).getString();
    return row;
  });
}

Result<ExecutionStore::Page> SqliteExecutionStore::list(const Listing& listing) {
  const std::scoped_lock lock(reader_mutex_);
  const bool children = !listing.map_run.empty();
  std::string sql = fmt::format("SELECT {} FROM executions WHERE {}", kListed,
                                children ? "map_run = ?1" : "map_run = '' AND (?1 = '' OR machine = ?1)");
  if (listing.status) sql += " AND status = ?2";
  if (!listing.after.empty()) sql += children ? " AND number > ?3" : " AND number < ?3";
  sql += children ? " ORDER BY number LIMIT ?4" : " ORDER BY number DESC LIMIT ?4";
  return with_sqlite(writer_->says("listing executions"), [&] {
    SQLite::Statement select(reader_, sql);
    select.bind(1, children ? listing.map_run : listing.machine);
    if (listing.status) select.bind(2, *listing.status);
    if (!listing.after.empty()) select.bind(3, static_cast<std::int64_t>(std::atoll(listing.after.c_str())));
    select.bind(4, static_cast<std::int64_t>(listing.limit) + 1);
    Page page;
    std::int64_t last = 0;
    while (select.executeStep()) {
      if (page.rows.size() == listing.limit) {
        page.next = std::to_string(last);
        break;
      }
      last = select.getColumn(0).getInt64();
      page.rows.push_back(listed_row(select));
    }
    return page;
  });
}

Result<std::vector<std::string>> SqliteExecutionStore::unowned(std::int64_t now_ms, std::size_t limit) {
  const std::scoped_lock lock(reader_mutex_);
  return with_sqlite(writer_->says("looking for executions to walk"), [&] {
    SQLite::Statement select(reader_,
                             "SELECT id FROM executions WHERE status = 'RUNNING' AND map_run = '' AND (owner = '' OR "
                             "lease_until_ms <= ?) ORDER BY number LIMIT ?");
    select.bind(1, now_ms);
    select.bind(2, static_cast<std::int64_t>(limit));
    std::vector<std::string> ids;
    while (select.executeStep()) ids.push_back(select.getColumn(0).getString());
    return ids;
  });
}

Result<void> SqliteExecutionStore::take(const std::string& id, const std::string& from, const std::string& owner,
                                        std::int64_t lease_until_ms) {
  const std::scoped_lock lock(writer_->mutex);
  return with_sqlite(writer_->says("taking an execution"), [&]() -> Result<void> {
    SQLite::Statement& update = writer_->prepared(
        "UPDATE executions SET owner = ?, lease_until_ms = ? WHERE id = ? AND owner = ? AND status = 'RUNNING'");
    update.bind(1, owner);
    update.bind(2, lease_until_ms);
    update.bind(3, id);
    update.bind(4, from);
    if (update.exec() == 1) return {};
    return fail(Code::conflict, "the execution {} is walked by another process", id);
  });
}

Result<void> SqliteExecutionStore::renew(const std::string& owner, std::int64_t lease_until_ms) {
  const std::scoped_lock lock(writer_->mutex);
  return with_sqlite(writer_->says("renewing leases"), [&] {
    SQLite::Statement& update =
        writer_->prepared("UPDATE executions SET lease_until_ms = ? WHERE owner = ? AND status = 'RUNNING'");
    update.bind(1, lease_until_ms);
    update.bind(2, owner);
    update.exec();
  });
}

Result<void> SqliteExecutionStore::release(const std::string& owner) {
  const std::scoped_lock lock(writer_->mutex);
  return with_sqlite(writer_->says("giving executions back"), [&] {
    SQLite::Statement& update = writer_->prepared(
        "UPDATE executions SET owner = '', lease_until_ms = 0 WHERE owner = ? AND status = 'RUNNING'");
    update.bind(1, owner);
    update.exec();
  });
}

Result<void> SqliteExecutionStore::request_stop(const std::string& id, const std::string& request) {
  const std::scoped_lock lock(writer_->mutex);
  return with_sqlite(writer_->says("asking for an execution's stop"), [&] {
    SQLite::Statement& update =
        writer_->prepared("UPDATE executions SET stop_request = ? WHERE id = ? AND status = 'RUNNING'");
    update.bind(1, request);
    update.bind(2, id);
    update.exec();
  });
}

Result<std::vector<std::pair<std::string, std::string>>> SqliteExecutionStore::stop_requests(const std::string& owner) {
  const std::scoped_lock lock(reader_mutex_);
  return with_sqlite(writer_->says("looking for stop requests"), [&] {
    SQLite::Statement select(reader_,
                             "SELECT id, stop_request FROM executions WHERE status = 'RUNNING' AND owner = ? AND "
                             "stop_request IS NOT NULL");
    select.bind(1, owner);
    std::vector<std::pair<std::string, std::string>> requests;
    while (select.executeStep())
      requests.emplace_back(select.getColumn(0).getString(), select.getColumn(1).getString());
    return requests;
  });
}

Result<std::unique_ptr<ExecutionStore::Batch>> SqliteExecutionStore::begin(const std::string& owner) {
  return with_sqlite(writer_->says("writing executions"),
                     [&]() -> std::unique_ptr<Batch> { return std::make_unique<Transaction>(*writer_, owner); });
}

Result<std::vector<ExecutionStore::Block>> SqliteExecutionStore::journal(const std::string& id) {
  const std::scoped_lock lock(reader_mutex_);
  return with_sqlite(writer_->says("reading an execution's journal"), [&] {
    SQLite::Statement select(reader_, "SELECT first, lines FROM journal WHERE execution = ? ORDER BY first");
    select.bind(1, id);
    std::vector<Block> blocks;
    while (select.executeStep()) blocks.push_back({select.getColumn(0).getInt64(), select.getColumn(1).getString()});
    return blocks;
  });
}

Result<std::vector<ExecutionStore::Block>> SqliteExecutionStore::events(const std::string& id, std::int64_t first,
                                                                        bool newest_first, std::size_t limit) {
  const std::scoped_lock lock(reader_mutex_);
  return with_sqlite(writer_->says("reading an execution's history"), [&] {
    SQLite::Statement select(
        reader_,
        newest_first
            ? "SELECT first, lines FROM events WHERE execution = ?1 AND first <= ?2 ORDER BY first DESC LIMIT ?3"
            : "SELECT first, lines FROM events WHERE execution = ?1 AND first >= (SELECT coalesce(max(first), "
              "0) FROM events WHERE execution = ?1 AND first <= ?2) ORDER BY first LIMIT ?3");
    select.bind(1, id);
    select.bind(2, first);
    select.bind(3, static_cast<std::int64_t>(limit));
    std::vector<Block> blocks;
    while (select.executeStep()) blocks.push_back({select.getColumn(0).getInt64(), select.getColumn(1).getString()});
    return blocks;
  });
}

Result<std::optional<MapRunRow>> SqliteExecutionStore::map_run(const std::string& id) {
  const std::scoped_lock lock(reader_mutex_);
  return with_sqlite(writer_->says("reading a map run"), [&]() -> std::optional<MapRunRow> {
    SQLite::Statement select(reader_, "SELECT * FROM map_runs WHERE id = ?");
    select.bind(1, id);
    if (!select.executeStep()) return std::nullopt;
    return map_run_row(select);
  });
}

Result<std::vector<MapRunRow>> SqliteExecutionStore::map_runs(const std::string& execution) {
  const std::scoped_lock lock(reader_mutex_);
  return with_sqlite(writer_->says("reading map runs"), [&] {
    SQLite::Statement select(reader_, "SELECT * FROM map_runs WHERE execution = ? ORDER BY started_ms, id");
    select.bind(1, execution);
    std::vector<MapRunRow> runs;
    while (select.executeStep()) runs.push_back(map_run_row(select));
    return runs;
  });
}

Result<bool> SqliteExecutionStore::limit_map_run(const std::string& id, const MapRunLimits& limits) {
  const std::scoped_lock lock(writer_->mutex);
  return with_sqlite(writer_->says("changing a map run"), [&] {
    SQLite::Statement& update = writer_->prepared(
        "UPDATE map_runs SET concurrency_max = ?2, tolerated_failure_count = ?3, tolerated_failure_percentage = ?4 "
        "WHERE id = ?1 AND status = 'RUNNING'");
    update.bind(1, id);
    update.bind(2, limits.concurrency_max);
    bind_or_null(update, 3, limits.tolerated_failure_count);
    bind_or_null(update, 4, limits.tolerated_failure_percentage);
    return update.exec() > 0;
  });
}

Result<std::int64_t> SqliteExecutionStore::remove_stopped_before(std::int64_t moment_ms, std::size_t limit) {
  const std::scoped_lock lock(writer_->mutex);
  return with_sqlite(writer_->says("removing old executions"), [&] {
    SQLite::Transaction transaction(writer_->database, SQLite::TransactionBehavior::IMMEDIATE);
    SQLite::Statement& select = writer_->prepared(
        "SELECT id FROM executions WHERE stopped_ms > 0 AND stopped_ms < ? AND status <> 'RUNNING' LIMIT ?");
    select.bind(1, moment_ms);
    select.bind(2, static_cast<std::int64_t>(limit));
    std::vector<std::string> ids;
    while (select.executeStep()) ids.push_back(select.getColumn(0).getString());
    select.reset();
    for (const std::string& id : ids) {
      for (const char* sql : {"DELETE FROM journal WHERE execution = ?", "DELETE FROM events WHERE execution = ?",
                              "DELETE FROM map_runs WHERE execution = ?", "DELETE FROM executions WHERE id = ?"}) {
        SQLite::Statement& erase = writer_->prepared(sql);
        erase.bind(1, id);
        erase.exec();
      }
    }
    writer_->database.exec("DELETE FROM definitions WHERE hash NOT IN (SELECT definition FROM executions)");
    transaction.commit();
    return static_cast<std::int64_t>(ids.size());
  });
}

}  // namespace tillite
