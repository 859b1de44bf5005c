// failed, retry, batches, cache and run --direct, as a user meets them.
#include <gtest/gtest.h>

#include "adapters/local/sqlite_table.h"
#include "receipts/receipt_items.h"
#include "steps/batches/batch.h"
#include "support/must.h"
#include "support/sample_home.h"

namespace tillite::testing {
namespace {

class BatchCommands : public ::testing::Test {
 protected:
  TempFolder folder;
  Path home = folder / "home";
  Program program{folder.path(), home};

  void SetUp() override { ASSERT_EQ(program.run({"import", sample_file(folder, 3)}).status, 0); }

  Json answer(std::vector<std::string> arguments, int status = 0) {
    arguments.insert(arguments.begin(), "--json");
    const auto outcome = program.run(std::move(arguments));
    EXPECT_EQ(outcome.status, status) << outcome.err;
    return outcome.json();
  }
  /// Finds and submits, and polls no more than that.
  void submit_lines() { ASSERT_EQ(program.run({"workflow", "start", "create-batches-sf"}).status, 0); }
  Json batches(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"batches", "list"});
    return answer(std::move(more)).at("batches");
  }
  Json census(const std::string& collection) {
    const Json status = answer({"status"});
    for (const Json& entity : status.at("entities")) {
      if (entity.at("collection") == collection) return entity;
    }
    return nullptr;
  }
  /// Some lines are FAILED from now on; their ids.
  std::vector<std::string> fail_lines(std::size_t count) {
    const auto table = must(SqliteTable::open(home / "table.sqlite3"));
    const Page page = must(
        table->query({.index = Index::gsi1, .hash = "EMBEDDING_STATUS#NONE", .range_prefix = "LINE#", .limit = count}));
    std::vector<std::string> ids;
    for (const Item& row : page.items) {
      const RecordId id = must(record_id_of(row));
      Json set = status_keys(id, EmbeddingStatus::failed);
      set.update({{"attempts", 3}, {"failure_reason", "server_error: as scripted"}});
      must(table->write(Update{.key = row_key(id), .set = std::move(set)}));
      ids.push_back(id.str());
    }
    return ids;
  }
};

TEST_F(BatchCommands, FailedItemsAreListedWithTheirReasonsAndReleased) {
  const auto ids = fail_lines(3);
  const Json failed = answer({"failed", "--entity", "line", "--limit", "2"});
  EXPECT_EQ(failed.at("total"), 3);
  ASSERT_EQ(failed.at("items").size(), 2U);
  EXPECT_EQ(failed.at("items")[0].at("id"), ids[0]);
  EXPECT_EQ(failed.at("items")[0].at("reason"), "server_error: as scripted");
  EXPECT_EQ(failed.at("items")[0].at("attempts"), 3);
  EXPECT_NE(failed.at("items")[0].at("text"), "");
  EXPECT_EQ(answer({"failed", "--entity", "word"}).at("total"), 0);

  EXPECT_EQ(answer({"retry", ids[0]}).at("released"), 1);
  const Json again = answer({"retry", ids[0], ids[1]}, 3);
  EXPECT_EQ(again.at("released"), 1);
  EXPECT_EQ(again.at("not_failed"), Json{ids[0]});
  EXPECT_EQ(answer({"retry", "--all"}).at("released"), 1);
  EXPECT_EQ(program.run({"retry"}).status, 2) << "nothing named";
  EXPECT_EQ(program.run({"retry", "no id"}).status, 4);
  ASSERT_EQ(program.run({"run"}).status, 0);
  EXPECT_EQ(census("receipt_lines").at("failed"), 0);
}

TEST_F(BatchCommands, BatchesAreListedAndShownWithTheirCountdown) {
  EXPECT_TRUE(batches().empty());
  submit_lines();
  const Json open = batches();
  ASSERT_EQ(open.size(), 1U);
  EXPECT_EQ(open[0].at("status"), "PENDING");
  EXPECT_EQ(open[0].at("entity"), "line");
  EXPECT_GT(open[0].at("expires_in_seconds"), 23 * 3600);
  EXPECT_EQ(open[0].at("overdue"), false);
  const std::string id = open[0].at("id");
  const Json next = census("receipt_lines").at("next_to_expire");
  EXPECT_EQ(next.at("batch_id"), id);

  const Json shown = answer({"batches", "show", id});
  EXPECT_EQ(shown.at("item_states").at("waiting"), open[0].at("items"));
  EXPECT_TRUE(shown.at("provider").contains("status")) << shown;
  EXPECT_TRUE(shown.at("files").contains("input"));
  EXPECT_EQ(program.run({"batches", "show", "nobody"}).status, 5);

  ASSERT_EQ(program.run({"run"}).status, 0);
  EXPECT_TRUE(batches().empty());
  EXPECT_EQ(batches({"--status", "COMPLETED"}).size(), batches({"--all"}).size());
  const Json ended = answer({"batches", "show", id});
  EXPECT_EQ(ended.at("item_states").at("SUCCESS"), open[0].at("items"));
  EXPECT_EQ(ended.at("files_to_delete"), 0);
  EXPECT_FALSE(ended.contains("expires_in_seconds"));
  EXPECT_EQ(program.run({"batches", "list", "--status", "LOST"}).status, 2);
}

TEST_F(BatchCommands, ABatchThatTheProviderShouldHaveEndedLongAgoIsShownAsOverdue) {
  submit_lines();
  const std::string id = batches()[0].at("id");
  {
    const auto table = must(SqliteTable::open(home / "table.sqlite3"));
    must(
        table->write(Update{.key = batch_row_key(BatchId(id)), .set = {{"submitted_at", "2020-01-01T00:00:00.000Z"}}}));
  }
  EXPECT_EQ(batches()[0].at("overdue"), true);
  EXPECT_NE(program.run({"batches", "list"}).out.find("OVERDUE"), std::string::npos);
  const Json overdue = census("receipt_lines").at("overdue");
  ASSERT_EQ(overdue.size(), 1U);
  EXPECT_EQ(overdue[0].at("batch_id"), id);
}

TEST_F(BatchCommands, CancelEndsWhatWasPreparedAndAsksForTheRest) {
  submit_lines();
  const std::string id = batches()[0].at("id");
  const Json cancelled = answer({"batches", "cancel", "--all"});
  ASSERT_EQ(cancelled.at("batches").size(), 1U);
  EXPECT_EQ(cancelled.at("batches")[0].at("result"), "asked");
  EXPECT_EQ(answer({"batches", "cancel", "nobody"}, 3).at("batches")[0].at("result"), "not_found");
  ASSERT_EQ(program.run({"run"}).status, 0);
  const Json all = census("receipt_lines");
  EXPECT_EQ(all.at("claimed"), 0);
  EXPECT_EQ(all.at("published").get<int>() + all.at("noise").get<int>(), all.at("found").get<int>());
  EXPECT_EQ(answer({"batches", "show", id}).at("status"), "CANCELLED");
  EXPECT_EQ(answer({"batches", "cancel", id}, 3).at("batches")[0].at("result"), "had_ended");
  EXPECT_TRUE(answer({"batches", "cancel", "--all"}).at("batches").empty());
}

TEST_F(BatchCommands, ReconcileAdoptsABatchThatItsRowHasLost) {
  submit_lines();
  const Json open = batches();
  const std::string id = open[0].at("id");
  {
    const auto table = must(SqliteTable::open(home / "table.sqlite3"));
    must(table->write(Update{.key = batch_row_key(BatchId(id)), .remove = {"openai_batch_id", "submitted_at"}}));
  }
  EXPECT_EQ(batches()[0].at("status"), "PREPARED");
  EXPECT_EQ(answer({"batches", "reconcile"}, 3).at("batches")[0].at("action"), "left as it is");
  EXPECT_EQ(answer({"batches", "reconcile", "--adopt", "--dry-run"}).at("batches")[0].at("action"), "would be adopted");
  EXPECT_EQ(answer({"batches", "reconcile", "--adopt"}).at("batches")[0].at("action"), "adopted");
  EXPECT_EQ(batches()[0].at("openai_batch_id"), open[0].at("openai_batch_id"));
  EXPECT_TRUE(answer({"batches", "reconcile"}).at("batches").empty());
  EXPECT_EQ(program.run({"batches", "reconcile", "--adopt", "--cancel"}).status, 2);
}

TEST_F(BatchCommands, ReconcileCancelsWhatNobodyWaitsForAndDeletesItsFile) {
  submit_lines();
  const std::string id = batches()[0].at("id");
  {
    const auto table = must(SqliteTable::open(home / "table.sqlite3"));
    must(table->write(Update{.key = batch_row_key(BatchId(id)),
                             .set = {{"openai_batch_id", "batch_other"}, {"input_file_id", "file-other"}}}));
  }
  const Json planned = answer({"batches", "reconcile", "--cancel", "--dry-run"});
  EXPECT_EQ(planned.at("batches")[0].at("action"), "would be cancelled");
  EXPECT_EQ(planned.at("files")[0].at("action"), "would be deleted");
  const Json done = answer({"batches", "reconcile", "--cancel"});
  EXPECT_EQ(done.at("batches")[0].at("action"), "cancelled");
  EXPECT_EQ(done.at("files")[0].at("action"), "deleted");
  const Json nothing = answer({"batches", "reconcile"});
  EXPECT_TRUE(nothing.at("batches").empty());
  EXPECT_TRUE(nothing.at("files").empty());
}

TEST_F(BatchCommands, TheCacheSaysWhatIsInItIsVerifiedAndCleared) {
  EXPECT_EQ(answer({"cache", "status"}).at("vectors"), 0);
  ASSERT_EQ(program.run({"run"}).status, 0);
  const Json status = answer({"cache", "status"});
  EXPECT_GT(status.at("vectors"), 0);
  EXPECT_GT(status.at("bytes"), 0);
  EXPECT_EQ(status.at("bytes_max"), std::int64_t{1} << 30);
  EXPECT_EQ(answer({"cache", "verify"}).at("damaged"), 0);
  EXPECT_EQ(answer({"cache", "clear"}).at("removed"), status.at("vectors"));
  EXPECT_EQ(answer({"cache", "status"}).at("vectors"), 0);
}

TEST_F(BatchCommands, RunDirectAsksAtOnceIfFewItemsAreToBeSent) {
  ASSERT_EQ(program.run({"run", "--direct=1", "--entity", "line"}).status, 0);
  EXPECT_EQ(batches({"--all"})[0].at("source"), "batch") << "there were more";
  ASSERT_EQ(program.run({"run", "--direct=2048", "--entity", "word"}).status, 0);
  EXPECT_EQ(batches({"--all"}).back().at("source"), "call");
  EXPECT_EQ(program.run({"run", "--direct=2049"}).status, 2);
  EXPECT_EQ(program.run({"run", "--direct"}).status, 0) << "nothing is left";
}

TEST_F(BatchCommands, FilesOfTheProviderAreGoneWhenARunHasEnded) {
  ASSERT_EQ(program.run({"run"}).status, 0);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(home / "provider/objects")) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 0U);
}

}  // namespace
}  // namespace tillite::testing
