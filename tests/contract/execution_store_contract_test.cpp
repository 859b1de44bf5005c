#include <gtest/gtest.h>

#include <thread>

#include "adapters/local/sqlite_execution_store.h"
#include "support/must.h"
#include "support/temp_folder.h"

// What every ExecutionStore promises (ports/execution_store.h).

namespace tillite::testing {
namespace {

class ExecutionStoreContract : public ::testing::Test {
 protected:
  static ExecutionRow row(const std::string& name, const std::string& owner = "") {
    return {.id = "m:" + name,
            .machine = "m",
            .name = name,
            .started_ms = 5,
            .definition = "{\"a\":1}",
            .input = "[1]",
            .owner = owner,
            .lease_until_ms = owner.empty() ? 0 : 100};
  }

  TempFolder folder;
  std::unique_ptr<ExecutionStore> store = must(SqliteExecutionStore::open(folder / "workflows.sqlite3"));
};

TEST_F(ExecutionStoreContract, GivesBackWhatWasRecordedAndRefusesAnIdTwice) {
  must(store->create(row("a")));
  EXPECT_EQ(store->create(row("a")).error().code(), Code::conflict);
  const auto found = must(store->execution("m:a"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->input, "[1]");
  EXPECT_EQ(found->definition, "{\"a\":1}");
  EXPECT_EQ(found->status, "RUNNING");
  EXPECT_FALSE(found->output);
  EXPECT_FALSE(must(store->execution("m:b")));
}

TEST_F(ExecutionStoreContract, OfManyWhoTakeAnExecutionOneWins) {
  must(store->create(row("a")));
  std::atomic<int> winners = 0;
  {
    std::vector<std::jthread> takers;
    for (int i = 0; i < 8; ++i) {
      takers.emplace_back([&, i] {
        const auto taken = store->take("m:a", "", fmt::format("taker {}", i), 100);
        if (taken) ++winners;
        EXPECT_TRUE(taken || taken.error().code() == Code::conflict);
      });
    }
  }
  EXPECT_EQ(winners, 1);
}

TEST_F(ExecutionStoreContract, ABatchIsSeenWholeOrNotAtAll) {
  must(store->create(row("a", "me")));
  {
    const auto batch = must(store->begin("me"));
    must(batch->check_owner("m:a"));
    must(batch->add_journal("m:a", {1, "one\n"}));
    must(batch->create(row("b", "me")));
  }
  EXPECT_TRUE(must(store->journal("m:a")).empty()) << "it was not committed";
  EXPECT_FALSE(must(store->execution("m:b")));
  {
    const auto batch = must(store->begin("me"));
    must(batch->add_journal("m:a", {1, "one\n"}));
    must(batch->create(row("b", "me")));
    must(batch->commit());
  }
  EXPECT_EQ(must(store->journal("m:a")).at(0).lines, "one\n");
  EXPECT_TRUE(must(store->execution("m:b")));
}

TEST_F(ExecutionStoreContract, ABatchTellsThatAnExecutionIsAnothersByNow) {
  must(store->create(row("a", "me")));
  must(store->take("m:a", "me", "thief", 100));
  const auto batch = must(store->begin("me"));
  EXPECT_EQ(batch->check_owner("m:a").error().code(), Code::lost_lease);
}

TEST_F(ExecutionStoreContract, TwoProcessesWriteInTurns) {
  const auto other = must(SqliteExecutionStore::open(folder / "workflows.sqlite3"));
  for (int i = 0; i < 20; ++i) {
    ExecutionStore& writer = i % 2 == 0 ? *store : *other;
    const std::string name = fmt::format("{}", i);
    must(writer.create(row(name, "me")));
    const auto batch = must(writer.begin("me"));
    must(batch->check_owner("m:" + name));
    must(batch->add_events("m:" + name, {1, "event\n"}));
    must(batch->commit());
  }
  EXPECT_EQ(must(store->list({.limit = 100})).rows.size(), 20U);
}

TEST_F(ExecutionStoreContract, AnExecutionThatEndedHasNoOwnerAndKeepsItsLastWord) {
  must(store->create(row("a", "me")));
  ExecutionRow ended = row("a", "me");
  ended.status = "FAILED";
  ended.stopped_ms = 9;
  ended.error = "Mine";
  ended.events = 4;
  const auto batch = must(store->begin("me"));
  must(batch->update(ended));
  must(batch->commit());
  const auto found = must(store->execution("m:a"));
  EXPECT_EQ(found->status, "FAILED");
  EXPECT_EQ(found->error, "Mine");
  EXPECT_FALSE(found->cause);
  EXPECT_EQ(found->events, 4);
  EXPECT_EQ(found->owner, "");
  EXPECT_EQ(store->take("m:a", "", "me", 100).error().code(), Code::conflict) << "it runs no more";
}

TEST_F(ExecutionStoreContract, ListsPagesNewestFirstAndChildrenApart) {
  for (const char* name : {"a", "b", "c"}) must(store->create(row(name)));
  ExecutionRow child = row("child");
  child.map_run = "m/each:1";
  must(store->create(child));
  const auto first = must(store->list({.machine = "m", .limit = 2}));
  ASSERT_EQ(first.rows.size(), 2U);
  EXPECT_EQ(first.rows[0].name, "c");
  const auto second = must(store->list({.machine = "m", .after = first.next, .limit = 2}));
  ASSERT_EQ(second.rows.size(), 1U);
  EXPECT_EQ(second.rows[0].name, "a");
  EXPECT_EQ(second.next, "");
  EXPECT_EQ(must(store->list({.map_run = "m/each:1", .limit = 9})).rows.at(0).name, "child");
  EXPECT_TRUE(must(store->list({.status = "FAILED", .limit = 9})).rows.empty());
}

TEST_F(ExecutionStoreContract, KnowsWhoseLeaseHasRunOut) {
  must(store->create(row("nobodys")));
  must(store->create(row("mine", "me")));
  EXPECT_EQ(must(store->unowned(50, 9)), (std::vector<std::string>{"m:nobodys"}));
  EXPECT_EQ(must(store->unowned(100, 9)).size(), 2U);
  must(store->renew("me", 200));
  EXPECT_EQ(must(store->unowned(100, 9)).size(), 1U);
  must(store->release("me"));
  EXPECT_EQ(must(store->unowned(100, 9)).size(), 2U);
}

TEST_F(ExecutionStoreContract, EventsAreReadFromAnyNumberInBothDirections) {
  must(store->create(row("a", "me")));
  const auto batch = must(store->begin("me"));
  must(batch->add_events("m:a", {1, "1\n2\n"}));
  must(batch->add_events("m:a", {3, "3\n"}));
  must(batch->add_events("m:a", {4, "4\n5\n"}));
  must(batch->commit());
  const auto from_two = must(store->events("m:a", 2, false, 9));
  ASSERT_EQ(from_two.size(), 3U) << "the block that holds it, and those behind";
  EXPECT_EQ(from_two[0].first, 1);
  const auto back = must(store->events("m:a", 3, true, 1));
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].lines, "3\n");
}

TEST_F(ExecutionStoreContract, AStopThatWasAskedForIsSeenByTheOwner) {
  must(store->create(row("a", "me")));
  must(store->request_stop("m:a", "why"));
  EXPECT_TRUE(must(store->stop_requests("another")).empty());
  EXPECT_EQ(must(store->stop_requests("me")).at(0), std::pair(std::string("m:a"), std::string("why")));
}

TEST_F(ExecutionStoreContract, KeepsMachinesByTheirName) {
  must(store->put_machine({.name = "m", .type = "STANDARD", .definition = "1", .created_ms = 1, .updated_ms = 1}));
  must(store->put_machine({.name = "m", .type = "STANDARD", .definition = "2", .created_ms = 7, .updated_ms = 7}));
  const auto machine = must(store->machine("m"));
  ASSERT_TRUE(machine);
  EXPECT_EQ(machine->definition, "2");
  EXPECT_EQ(machine->created_ms, 1) << "it is the same machine, changed";
  EXPECT_EQ(must(store->machines()).size(), 1U);
  EXPECT_TRUE(must(store->remove_machine("m")));
  EXPECT_FALSE(must(store->remove_machine("m")));
}

TEST_F(ExecutionStoreContract, TheLimitsOfAMapRunAreThoseThatWereSetLast) {
  const MapRunLimits limits{.concurrency_max = 5, .tolerated_failure_count = 2, .tolerated_failure_percentage = 12.5};
  const auto put = [&](const MapRunRow& run) {
    const auto batch = must(store->begin("me"));
    must(batch->put_map_run(run));
    must(batch->commit());
  };
  MapRunRow run{.id = "m/M:1", .execution = "m:a", .limits = {.concurrency_max = 1}};
  put(run);
  EXPECT_EQ(must(store->map_run("m/M:1"))->limits, run.limits);
  EXPECT_TRUE(must(store->limit_map_run("m/M:1", limits)));
  run.succeeded = 7;
  put(run);
  EXPECT_EQ(must(store->map_run("m/M:1"))->limits, limits) << "who counts does not set them";
  EXPECT_EQ(must(store->map_run("m/M:1"))->succeeded, 7);
  run.status = "SUCCEEDED";
  put(run);
  EXPECT_FALSE(must(store->limit_map_run("m/M:1", limits))) << "it runs no more";
  EXPECT_FALSE(must(store->limit_map_run("none", limits)));
}

TEST_F(ExecutionStoreContract, TakesOverAFileOfVersion1) {
  store.reset();
  {
    SQLite::Database file(folder / "workflows.sqlite3", SQLite::OPEN_READWRITE);
    file.exec("ALTER TABLE map_runs DROP COLUMN tolerated_failure_count");
    file.exec("ALTER TABLE map_runs DROP COLUMN tolerated_failure_percentage");
    file.exec("INSERT INTO map_runs VALUES ('m/M:1', 'm:a', 'RUNNING', 1, 0, 3, 1, 0, 0, 2)");
    file.exec("PRAGMA user_version = 1");
  }
  store = must(SqliteExecutionStore::open(folder / "workflows.sqlite3"));
  EXPECT_EQ(must(store->map_run("m/M:1"))->limits, (MapRunLimits{.concurrency_max = 2}));
}

TEST_F(ExecutionStoreContract, RefusesAFileOfANewerVersion) {
  store.reset();
  SQLite::Database(folder / "workflows.sqlite3", SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 9");
  const auto opened = SqliteExecutionStore::open(folder / "workflows.sqlite3");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::unsupported);
}

}  // namespace
}  // namespace tillite::testing
