#include "adapters/local/sqlite_queue.h"

#include <algorithm>
#include <charconv>

namespace tillite {
namespace {

constexpr int kBusyTimeoutMs = 30'000;
constexpr int kFormatVersion = 2;

constexpr const char* kSchema = R"sql(
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  queue TEXT NOT NULL,
  body TEXT NOT NULL,
  attributes TEXT NOT NULL DEFAULT '',
  sent_ms INTEGER NOT NULL,
  visible_ms INTEGER NOT NULL,
  receive_count INTEGER NOT NULL DEFAULT 0,
  deliveries INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '');
CREATE INDEX messages_visible ON messages (queue, visible_ms);
CREATE INDEX messages_sent ON messages (queue, sent_ms);
)sql";

/// Version 1 had no dead letters.
constexpr const char* kUpgradeFrom1 = R"sql(
ALTER TABLE messages RENAME TO messages_1;
DROP INDEX IF EXISTS messages_visible;
)sql";
constexpr const char* kTakeOverFrom1 = R"sql(
INSERT INTO messages (id, queue, body, sent_ms, visible_ms, receive_count, deliveries)
  SELECT id, 'live', body, visible_ms, visible_ms, receive_count, receive_count FROM messages_1;
DROP TABLE messages_1;
)sql";

void create_or_upgrade(SQLite::Database& database) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  if (database.execAndGet("PRAGMA user_version").getInt() == 0) {
    const bool has_version_1 = database.tableExists("messages");
    if (has_version_1) database.exec(kUpgradeFrom1);
    database.exec(kSchema);
    if (has_version_1) database.exec(kTakeOverFrom1);
    database.exec(fmt::format("PRAGMA user_version = {}", kFormatVersion));
  }
  transaction.commit();
}

/// A delivery: the message and which of its deliveries it is. "17.2"
struct Delivery {
  std::int64_t id = 0;
  std::int64_t number = 0;  ///< counted over all of its deliveries, those before a redrive too
};

Result<Delivery> parse_receipt(const std::string& receipt) {
  Delivery delivery;
  const char* const end = receipt.data() + receipt.size();
  const auto [dot, first_error] = std::from_chars(receipt.data(), end, delivery.id);
  if (first_error == std::errc() && dot != end && *dot == '.') {
    const auto [stop, second_error] = std::from_chars(dot + 1, end, delivery.number);
    if (second_error == std::errc() && stop == end) return delivery;
  }
  return fail(Code::invalid_input, "'{}' is not the receipt of a message", receipt.substr(0, 64));
}

}  // namespace

Result<std::unique_ptr<SqliteQueue>> SqliteQueue::open(const Path& file, Clock& clock) {
  return with_sqlite(fmt::format("opening {}", file.string()), [&]() -> Result<std::unique_ptr<SqliteQueue>> {
    auto queue = std::unique_ptr<SqliteQueue>(new SqliteQueue(file, clock, Role::live));
    const int version = queue->database_.execAndGet("PRAGMA user_version").getInt();
    if (version == kFormatVersion) return queue;
    return fail(Code::unsupported, "{} was written by a newer version of Tillite (format {}, this program knows {})",
                file.string(), version, kFormatVersion);
  });
}

SqliteQueue::SqliteQueue(const Path& file, Clock& clock, Role role)
    : database_(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyTimeoutMs),
      clock_(clock),
      role_(role) {
  database_.exec("PRAGMA journal_mode = WAL");
  database_.exec("PRAGMA synchronous = FULL");
  if (role == Role::dead) return;
  create_or_upgrade(database_);
  dead_letters_ = std::unique_ptr<SqliteQueue>(new SqliteQueue(file, clock, Role::dead));
}

std::string_view SqliteQueue::name() const { return role_ == Role::live ? "live" : "dead"; }

/// Moves what was received too often, then removes what is older than its retention. Within a transaction.
void SqliteQueue::settle(std::int64_t now_ms) {
  SQLite::Statement bury(database_,
                         "UPDATE messages SET queue = 'dead', "
                         "reason = CASE reason WHEN '' THEN 'received ' || receive_count || ' times, never removed' "
                         "ELSE reason END WHERE queue = 'live' AND visible_ms <= ? AND receive_count >= ?");
  bury.bind(1, now_ms);
  bury.bind(2, kReceivesMax);
  bury.exec();
  SQLite::Statement expire(database_, "DELETE FROM messages WHERE queue = ? AND sent_ms <= ?");
  for (const auto& [queue, retention_ms] :
       {std::pair("live", kRetentionMs), std::pair("dead", kDeadLetterRetentionMs)}) {
    expire.reset();
    expire.bind(1, queue);
    expire.bind(2, now_ms - retention_ms);
    expire.exec();
  }
}

Result<std::string> SqliteQueue::send(const std::string& body, std::int64_t delay_ms, const std::string& attributes) {
  TRY(check_message(body, delay_ms, attributes));
  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("sending a message by {}", database_.getFilename()), [&] {
    const std::int64_t now_ms = clock_.now_ms();
    SQLite::Statement insert(
        database_, "INSERT INTO messages (queue, body, sent_ms, visible_ms, attributes) VALUES (?, ?, ?, ?, ?)");
    insert.bind(1, std::string(name()));
    insert.bind(2, body);
    insert.bind(3, now_ms);
    insert.bind(4, now_ms + delay_ms);
    insert.bind(5, attributes);
    insert.exec();
    return std::to_string(database_.getLastInsertRowid());
  });
}

Result<std::vector<QueueMessage>> SqliteQueue::receive(std::size_t count_max, std::int64_t visibility_ms) {
  TRY(check_visibility(visibility_ms));
  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("receiving messages from {}", database_.getFilename()), [&] {
    const std::int64_t now_ms = clock_.now_ms();
    SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
    settle(now_ms);
    std::vector<QueueMessage> messages;
    SQLite::Statement select(database_,
                             "SELECT id, body, receive_count, deliveries, sent_ms, attributes FROM messages "
                             "WHERE queue = ? AND visible_ms <= ? ORDER BY visible_ms LIMIT ?");
    select.bind(1, std::string(name()));
    select.bind(2, now_ms);
    select.bind(3, static_cast<std::int64_t>(std::min(count_max, kReceiveMax)));
    while (select.executeStep()) {
      const std::int64_t id = select.getColumn(0).getInt64();
      messages.push_back({.id = std::to_string(id),
                          .receipt = fmt::format("{}.{}", id, select.getColumn(3).getInt64() + 1),
                          .body = select.getColumn(1).getString(),
                          .receive_count = select.getColumn(2).getInt() + 1,
                          .sent_ms = select.getColumn(4).getInt64(),
                          .attributes = select.getColumn(5).getString()});
    }
    SQLite::Statement hide(database_,
                           "UPDATE messages SET visible_ms = ?, receive_count = receive_count + 1, "
                           "deliveries = deliveries + 1 WHERE id = ?");
    for (const QueueMessage& message : messages) {
      hide.reset();
      hide.bind(1, now_ms + visibility_ms);
      hide.bind(2, message.id);
      hide.exec();
    }
    transaction.commit();
    return messages;
  });
}

Result<void> SqliteQueue::remove(const std::string& receipt) {
  const Delivery delivery = TRY(parse_receipt(receipt));
  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("removing a message from {}", database_.getFilename()), [&] {
    SQLite::Statement erase(database_, "DELETE FROM messages WHERE queue = ? AND id = ? AND deliveries = ?");
    erase.bind(1, std::string(name()));
    erase.bind(2, delivery.id);
    erase.bind(3, delivery.number);
    erase.exec();
  });
}

Result<void> SqliteQueue::extend(const std::string& receipt, std::int64_t visibility_ms) {
  const Delivery delivery = TRY(parse_receipt(receipt));
  TRY(check_visibility(visibility_ms));
  const std::scoped_lock lock(mutex_);
  const auto changed = TRY(with_sqlite(fmt::format("extending a message in {}", database_.getFilename()), [&] {
    const std::int64_t now_ms = clock_.now_ms();
    SQLite::Statement hide(
        database_,
        "UPDATE messages SET visible_ms = ? WHERE queue = ? AND id = ? AND deliveries = ? AND visible_ms > ?");
    hide.bind(1, now_ms + visibility_ms);
    hide.bind(2, std::string(name()));
    hide.bind(3, delivery.id);
    hide.bind(4, delivery.number);
    hide.bind(5, now_ms);
    return hide.exec();
  }));
  if (changed == 0) return fail(Code::not_found, "the delivery {} of a message has run out", receipt);
  return {};
}

Result<void> SqliteQueue::note_failure(const std::string& receipt, const std::string& reason) {
  const Delivery delivery = TRY(parse_receipt(receipt));
  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("noting a failure in {}", database_.getFilename()), [&] {
    SQLite::Statement note(database_, "UPDATE messages SET reason = ? WHERE queue = ? AND id = ? AND deliveries = ?");
    note.bind(1, reason.substr(0, kReasonBytesMax));
    note.bind(2, std::string(name()));
    note.bind(3, delivery.id);
    note.bind(4, delivery.number);
    note.exec();
  });
}

Result<QueueCounts> SqliteQueue::counts() {
  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("counting the messages of {}", database_.getFilename()), [&] {
    const std::int64_t now_ms = clock_.now_ms();
    SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
    settle(now_ms);
    SQLite::Statement count(database_,
                            "SELECT total(visible_ms <= ?1), total(visible_ms > ?1 AND receive_count > 0), "
                            "total(visible_ms > ?1 AND receive_count = 0) FROM messages WHERE queue = ?2");
    count.bind(1, now_ms);
    count.bind(2, std::string(name()));
    QueueCounts counts;
    if (count.executeStep()) {
      counts = {.visible = static_cast<std::uint64_t>(count.getColumn(0).getInt64()),
                .in_flight = static_cast<std::uint64_t>(count.getColumn(1).getInt64()),
                .delayed = static_cast<std::uint64_t>(count.getColumn(2).getInt64())};
    }
    transaction.commit();
    return counts;
  });
}

Result<std::vector<QueuedMessage>> SqliteQueue::peek(std::size_t count_max) {
  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("looking at the messages of {}", database_.getFilename()), [&] {
    SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
    settle(clock_.now_ms());
    SQLite::Statement select(database_,
                             "SELECT id, body, receive_count, sent_ms, visible_ms, reason FROM messages "
                             "WHERE queue = ? ORDER BY sent_ms, id LIMIT ?");
    select.bind(1, std::string(name()));
    select.bind(2, static_cast<std::int64_t>(count_max));
    std::vector<QueuedMessage> messages;
    while (select.executeStep()) {
      messages.push_back({.id = select.getColumn(0).getString(),
                          .body = select.getColumn(1).getString(),
                          .receive_count = select.getColumn(2).getInt(),
                          .sent_ms = select.getColumn(3).getInt64(),
                          .visible_ms = select.getColumn(4).getInt64(),
                          .reason = select.getColumn(5).getString()});
    }
    transaction.commit();
    return messages;
  });
}

Result<std::vector<bool>> SqliteQueue::redrive(std::span<const std::string> ids) {
  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("bringing back dead letters of {}", database_.getFilename()), [&] {
    const std::int64_t now_ms = clock_.now_ms();
    SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
    settle(now_ms);
    SQLite::Statement move(database_,
                           "UPDATE messages SET queue = 'live', sent_ms = ?1, visible_ms = ?1, receive_count = 0, "
                           "reason = '' WHERE queue = 'dead' AND CAST(id AS TEXT) = ?2");
    std::vector<bool> moved;
    for (const std::string& id : ids) {
      move.bind(1, now_ms);
      move.bind(2, id);
      moved.push_back(move.exec() > 0);
      move.reset();
    }
    transaction.commit();
    return moved;
  });
}

Result<std::vector<std::string>> SqliteQueue::redrive_all() {
  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("bringing back all dead letters of {}", database_.getFilename()), [&] {
    const std::int64_t now_ms = clock_.now_ms();
    SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
    settle(now_ms);
    SQLite::Statement move(database_,
                           "UPDATE messages SET queue = 'live', sent_ms = ?1, visible_ms = ?1, receive_count = 0, "
                           "reason = '' WHERE queue = 'dead' RETURNING CAST(id AS TEXT)");
    move.bind(1, now_ms);
    std::vector<std::string> moved;
    while (move.executeStep()) moved.push_back(move.getColumn(0).getString());
    transaction.commit();
    return moved;
  });
}

}  // namespace tillite
