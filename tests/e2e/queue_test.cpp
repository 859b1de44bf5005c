// The queue, from the command line.
#include <gtest/gtest.h>

#include "adapters/local/sqlite_queue.h"
#include "adapters/local/system_clock.h"
#include "support/must.h"
#include "support/sample_home.h"

namespace tillite::testing {
namespace {

constexpr const char* kEverything = R"({"collection": "receipt_lines"})";

class QueueTest : public ::testing::Test {
 protected:
  TempFolder folder;
  Path home = folder / "home";
  Program program{folder.path(), home};
  SystemClock clock;

  void SetUp() override { ASSERT_EQ(program.run({"import", sample_file(folder, 2)}).status, 0); }

  Json list(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"--json", "queue", "list"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto listed = program.run(arguments);
    EXPECT_EQ(listed.status, 0) << listed.err;
    return listed.json();
  }
  /// Makes dead letters of these texts; their ids.
  std::vector<std::string> bury(const std::vector<std::string>& bodies) {
    const std::unique_ptr<Queue> queue = must(SqliteQueue::open(home / "queue.sqlite3", clock));
    std::vector<std::string> ids;
    for (const std::string& body : bodies) ids.push_back(must(queue->send(body)));
    for (int times = 0; times < Queue::kReceivesMax; ++times) must(queue->receive(10, 0));
    return ids;
  }
};

TEST_F(QueueTest, AMessageThatWasSentIsListedAndWorkedOnAfterARun) {
  ASSERT_EQ(program.run({"run"}).status, 0);
  ASSERT_EQ(program.run({"queue", "send", kEverything}).status, 0);
  const Json listed = list();
  EXPECT_EQ(listed.at("queue"), "chromadb-delta-queue");
  EXPECT_EQ(listed.at("visible"), 1);
  EXPECT_EQ(listed.at("messages")[0].at("body"), kEverything);
  ASSERT_EQ(program.run({"run"}).status, 0);
  EXPECT_TRUE(list().at("messages").empty());
  EXPECT_TRUE(list({"--dead"}).at("messages").empty());
}

TEST_F(QueueTest, ARunTellsTheQueueNothingForItMergesItself) {
  ASSERT_EQ(program.run({"run"}).status, 0);
  EXPECT_TRUE(list().at("messages").empty());
}

TEST_F(QueueTest, WhatCannotBeReadIsNotSent) {
  const auto sent = program.run({"queue", "send", R"({"collection": "teas"})"});
  EXPECT_EQ(sent.status, 5);
  EXPECT_NE(sent.err.find("receipt_lines"), std::string::npos) << sent.err;
  EXPECT_TRUE(list().at("messages").empty());
}

TEST_F(QueueTest, DeadLettersAreListedWithTheirReasonsAndBroughtBack) {
  const auto ids = bury({kEverything, "not JSON"});
  EXPECT_EQ(list().at("dead_letters"), 2);
  const Json letters = list({"--dead"}).at("messages");
  ASSERT_EQ(letters.size(), 2U);
  EXPECT_EQ(letters[0].at("reason"), "received 5 times, never removed");
  EXPECT_EQ(letters[0].at("receive_count"), 5);

  const auto one = program.run({"--json", "queue", "redrive", ids[0], "999"});
  EXPECT_EQ(one.status, 3) << one.err;
  EXPECT_EQ(one.json(), (Json{{"redriven", {ids[0]}}, {"not_found", {"999"}}}));
  EXPECT_EQ(list().at("messages")[0].at("body"), kEverything);

  EXPECT_EQ(program.run({"queue", "redrive", "--all"}).status, 0);
  EXPECT_EQ(list().at("messages").size(), 2U);
  EXPECT_TRUE(list({"--dead"}).at("messages").empty());

  const auto run = program.run({"run"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json left = list().at("messages");
  ASSERT_EQ(left.size(), 1U) << "the one that cannot be read waits for its next delivery";
  EXPECT_EQ(left[0].at("state"), "in_flight");
  EXPECT_NE(left[0].at("reason").get<std::string>().find("the message"), std::string::npos);
}

TEST_F(QueueTest, ARedriveNeedsIdsOrAll) {
  EXPECT_EQ(program.run({"queue", "redrive"}).status, 2);
  EXPECT_EQ(program.run({"queue", "redrive", "--all", "1"}).status, 2);
}

}  // namespace
}  // namespace tillite::testing
