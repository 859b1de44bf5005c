#include "adapters/local/sqlite_queue.h"

#include <algorithm>
#include <charconv>

namespace tillite {
namespace {

constexpr int kBusyTimeoutMs = 30'000;

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  body TEXT NOT NULL,
  visible_ms INTEGER NOT NULL,
  receive_count INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS messages_visible ON messages (visible_ms);
)sql";

/// A delivery: the message and which of its deliveries it is. "17.2"
struct Delivery {
  std::int64_t id = 0;
  std::int64_t receive_count = 0;
};

Result<Delivery> parse_receipt(const std::string& receipt) {
  Delivery delivery;
  const char* const end = receipt.data() + receipt.size();
  const auto [dot, first_error] = std::from_chars(receipt.data(), end, delivery.id);
  if (first_error == std::errc() && dot != end && *dot == '.') {
    const auto [stop, second_error] = std::from_chars(dot + 1, end, delivery.receive_count);
    if (second_error == std::errc() && stop == end) return delivery;
  }
  return fail(Code::invalid_input, "'{}' is not the receipt of a message", receipt.substr(0, 64));
}

Result<void> check_duration(std::string_view name, std::int64_t duration_ms, std::int64_t max_ms) {
  if (duration_ms < 0) return fail(Code::invalid_input, "a {} of {} ms: it cannot be negative", name, duration_ms);
  if (duration_ms > max_ms) {
    return fail(Code::limit_exceeded, "a {} of {} ms; at most {} are allowed", name, duration_ms, max_ms);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<SqliteQueue>> SqliteQueue::open(const Path& file, Clock& clock) {
  return with_sqlite(fmt::format("opening {}", file.string()),
                     [&] { return std::unique_ptr<SqliteQueue>(new SqliteQueue(file, clock)); });
}

SqliteQueue::SqliteQueue(const Path& file, Clock& clock)
    : database_(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyTimeoutMs), clock_(clock) {
  database_.exec("PRAGMA journal_mode = WAL");
  database_.exec("PRAGMA synchronous = FULL");
  SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
  database_.exec(kSchema);
  transaction.commit();
}

Result<void> SqliteQueue::send(const std::string& body, std::int64_t delay_ms) {
  if (body.size() > kBodyBytesMax) {
    return fail(Code::limit_exceeded, "a message of {} bytes; at most {} are allowed", body.size(), kBodyBytesMax);
  }
  if (body.empty()) return fail(Code::invalid_input, "a message needs a text");
  TRY(check_duration("delay", delay_ms, kDelayMsMax));
  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("sending a message by {}", database_.getFilename()), [&] {
    SQLite::Statement insert(database_, "INSERT INTO messages (body, visible_ms) VALUES (?, ?)");
    insert.bind(1, body);
    insert.bind(2, clock_.now_ms() + delay_ms);
    insert.exec();
  });
}

Result<std::vector<QueueMessage>> SqliteQueue::receive(std::size_t count_max, std::int64_t visibility_ms) {
  TRY(check_duration("visibility", visibility_ms, kVisibilityMsMax));
  const std::scoped_lock lock(mutex_);
  return with_sqlite(fmt::format("receiving messages from {}", database_.getFilename()), [&] {
    const std::int64_t now_ms = clock_.now_ms();
    SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
    std::vector<QueueMessage> messages;
    SQLite::Statement select(
        database_, "SELECT id, body, receive_count FROM messages WHERE visible_ms <= ? ORDER BY visible_ms LIMIT ?");
    select.bind(1, now_ms);
    select.bind(2, static_cast<std::int64_t>(std::min(count_max, kReceiveMax)));
    SQLite::Statement hide(database_,
                           "UPDATE messages SET visible_ms = ?, receive_count = receive_count + 1 WHERE id = ?");
    while (select.executeStep()) {
      const std::int64_t id = select.getColumn(0).getInt64();
      const int receive_count = select.getColumn(2).getInt() + 1;
      messages.push_back({.id = std::to_string(id),
                          .receipt = fmt::format("{}.{}", id, receive_count),
                          .body = select.getColumn(1).getString(),
                          .receive_count = receive_count});
    }
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
    SQLite::Statement erase(database_, "DELETE FROM messages WHERE id = ? AND receive_count = ?");
    erase.bind(1, delivery.id);
    erase.bind(2, delivery.receive_count);
    erase.exec();
  });
}

Result<void> SqliteQueue::extend(const std::string& receipt, std::int64_t visibility_ms) {
  const Delivery delivery = TRY(parse_receipt(receipt));
  TRY(check_duration("visibility", visibility_ms, kVisibilityMsMax));
  const std::scoped_lock lock(mutex_);
  const auto changed = TRY(with_sqlite(fmt::format("extending a message in {}", database_.getFilename()), [&] {
    const std::int64_t now_ms = clock_.now_ms();
    SQLite::Statement hide(database_,
                           "UPDATE messages SET visible_ms = ? WHERE id = ? AND receive_count = ? AND visible_ms > ?");
    hide.bind(1, now_ms + visibility_ms);
    hide.bind(2, delivery.id);
    hide.bind(3, delivery.receive_count);
    hide.bind(4, now_ms);
    return hide.exec();
  }));
  if (changed == 0) return fail(Code::not_found, "the delivery {} of a message has run out", receipt);
  return {};
}

}  // namespace tillite
