#include "adapters/local/sqlite_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/must.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

using ::testing::ElementsAre;

class SqliteLogTest : public ::testing::Test {
 protected:
  TempFolder folder;
  VirtualClock clock;
  std::unique_ptr<SqliteLog> log = must(SqliteLog::open(folder / "logs.sqlite3", clock));

  void add(std::int64_t timestamp_ms, const std::string& message, const std::string& stream = "s",
           const std::string& group = "g") {
    must(log->append(
        std::vector<LogLine>{{.group = group, .stream = stream, .timestamp_ms = timestamp_ms, .message = message}}));
  }
  std::vector<std::string> read(LogQuery query) {
    if (query.group.empty()) query.group = "g";
    std::vector<std::string> messages;
    for (LogEvent& event : must(log->read(query))) messages.push_back(std::move(event.message));
    return messages;
  }
};

TEST_F(SqliteLogTest, EventsComeInTheOrderOfTheirTimes) {
  add(2, "b");
  add(1, "a");
  add(2, "c");
  EXPECT_THAT(read({}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(read({.newest_first = true, .count_max = 2}), ElementsAre("c", "b"));
  EXPECT_THAT(read({.from_ms = 2}), ElementsAre("b", "c"));
  EXPECT_THAT(read({.until_ms = 2}), ElementsAre("a"));
}

TEST_F(SqliteLogTest, AReaderGoesOnWhereItStood) {
  for (int i = 0; i < 5; ++i) add(i / 2, std::to_string(i));
  const auto front = must(log->read({.group = "g", .count_max = 2}));
  EXPECT_THAT(read({.after = front.back().position}), ElementsAre("2", "3", "4"));
  EXPECT_THAT(read({.before = front.back().position}), ElementsAre("0"));
  EXPECT_THAT(read({.before = front.back().position, .newest_first = true}), ElementsAre("0"));
}

TEST_F(SqliteLogTest, GroupsAndStreamsAreKeptApart) {
  add(1, "a", "s1");
  add(2, "b", "s2");
  add(3, "c", "t");
  add(4, "d", "s1", "other");
  EXPECT_THAT(read({.streams = {"s1", "t"}}), ElementsAre("a", "c"));
  EXPECT_THAT(read({.stream_prefix = "s"}), ElementsAre("a", "b"));
  EXPECT_THAT(read({.group = "other"}), ElementsAre("d"));
  EXPECT_THAT(must(log->groups()), ElementsAre("g", "other"));
  const auto streams = must(log->streams("g"));
  ASSERT_EQ(streams.size(), 3U);
  EXPECT_EQ(streams[1].name, "s2");
  EXPECT_EQ(streams[1].last_event_ms, 2);
  EXPECT_EQ(streams[1].created_ms, clock.now_ms());
}

TEST_F(SqliteLogTest, OnlyTheNewestAreKept) {
  log = must(SqliteLog::open(folder / "few.sqlite3", clock, 3));
  for (int i = 0; i < 10; ++i) add(i, std::to_string(i));
  EXPECT_THAT(read({}), ElementsAre("7", "8", "9"));
  add(0, std::string(FunctionLog::kMessageBytesMax + 1, 'x'));
  EXPECT_EQ(read({}).front().size(), FunctionLog::kMessageBytesMax);
}

TEST_F(SqliteLogTest, SeveralMayUseOneFile) {
  const auto other = must(SqliteLog::open(folder / "logs.sqlite3", clock));
  add(1, "a");
  EXPECT_EQ(must(other->read({.group = "g"})).size(), 1U);
}

TEST_F(SqliteLogTest, AFileOfANewerVersionIsRefused) {
  SQLite::Database((folder / "new.sqlite3").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
      .exec("PRAGMA user_version = 2");
  const auto refused = SqliteLog::open(folder / "new.sqlite3", clock);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::unsupported);
}

}  // namespace
}  // namespace tillite::testing
