#include "adapters/local/sqlite_queue.h"

#include <gtest/gtest.h>

#include "support/must.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

class SqliteQueueTest : public ::testing::Test {
 protected:
  TempFolder folder;
  Path file = folder / "queue.sqlite3";
  VirtualClock clock;

  void execute(const std::string& sql) {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec(sql);
  }
};

TEST_F(SqliteQueueTest, TakesTheMessagesOfVersion1Over) {
  execute(
      "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, visible_ms INTEGER NOT NULL, "
      "receive_count INTEGER NOT NULL DEFAULT 0);"
      "CREATE INDEX messages_visible ON messages (visible_ms)");
  execute("INSERT INTO messages (id, body, visible_ms, receive_count) VALUES (17, 'old', " +
          std::to_string(clock.now_ms() - 1000) + ", 2)");
  const std::unique_ptr<Queue> queue = must(SqliteQueue::open(file, clock));
  const auto messages = must(queue->receive(10, 1000));
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].id, "17");
  EXPECT_EQ(messages[0].body, "old");
  EXPECT_EQ(messages[0].receive_count, 3);
  EXPECT_EQ(must(queue->send("new")), "18");
  EXPECT_EQ(must(must(SqliteQueue::open(file, clock))->peek(10)).size(), 2U) << "once only";
}

TEST_F(SqliteQueueTest, RefusesAFileOfANewerVersion) {
  execute("PRAGMA user_version = 3");
  const auto queue = SqliteQueue::open(file, clock);
  ASSERT_FALSE(queue);
  EXPECT_EQ(queue.error().code(), Code::unsupported);
}

}  // namespace
}  // namespace tillite::testing
