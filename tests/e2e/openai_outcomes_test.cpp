// Every way in which a batch of OpenAI's can end, over HTTP: the program itself, against its emulator. What each has to
// do to the items is the table in docs/steps.md.
#include <gtest/gtest.h>

#include "adapters/local/sqlite_table.h"
#include "e2e/openai_home.h"
#include "steps/batches/batch.h"

namespace tillite::testing {
namespace {

class OpenAiOutcomes : public ::testing::Test {
 protected:
  static constexpr int kLines = 8;
  TempFolder folder;
  OpenAiEmulator openai{folder.path(), {}};
  OpenAiHome home{folder.path(), openai.environment()};
  std::vector<Receipt> receipts = receipts_of_distinct_lines(2, kLines / 2);

  void SetUp() override { home.import_all(receipts); }

  /// The first batch ends so; the program runs on until nothing is left.
  void run_with(const Json& outcome, int status = 0) {
    openai.script_batches(Json::array({outcome}));
    home.run(status);
  }
  void expect_all_published(int lines = kLines) {
    const Json census = home.census();
    EXPECT_EQ(census.at("published"), lines) << census;
    EXPECT_EQ(census.at("snapshot_vectors"), lines);
    EXPECT_EQ(census.at("adds_up"), true);
    EXPECT_TRUE(home.answer({"batches", "list"}).at("batches").empty()) << "no batch is polled for ever";
  }
  std::vector<std::string> ends() {
    std::vector<std::string> ends;
    for (const Json& batch : home.batches()) ends.push_back(batch.at("status"));
    return ends;
  }
  std::string why(std::size_t batch) { return home.batches().at(batch).value("error_summary", ""); }
  int paid_twice() { return openai.stats().at("paid").at("requests_more_than_once"); }
  std::map<std::string, int> attempts() {
    const auto table = must(SqliteTable::open(home.home() / "table.sqlite3"));
    std::map<std::string, int> attempts;
    must(for_each_item(*table, {.index = Index::type, .hash = "RECEIPT_LINE"}, [&](const Item& row) -> Result<void> {
      attempts[row.at("SK").get<std::string>() + row.at("PK").get<std::string>()] = row.at("attempts").get<int>();
      return {};
    }));
    return attempts;
  }
  int attempts_used() {
    int used = 0;
    for (const auto& [id, count] : attempts()) used += count;
    return used;
  }
  using Ends = std::vector<std::string>;
};

TEST_F(OpenAiOutcomes, CompletedEveryVectorIsPublished) {
  home.run();
  expect_all_published();
  EXPECT_EQ(ends(), Ends{"COMPLETED"});
  EXPECT_EQ(paid_twice(), 0);
  EXPECT_EQ(openai.stats().at("files").at("alive"), 0) << "nothing is left at the provider";
}

TEST_F(OpenAiOutcomes, CompletedWithFailedLinesThoseAreSentAgainAndTheOthersNot) {
  run_with({{"lines", {{"line-500", 0.4}}}});
  expect_all_published();
  EXPECT_GT(attempts_used(), 0);
  EXPECT_LT(attempts_used(), kLines);
  EXPECT_EQ(paid_twice(), 0);
}

TEST_F(OpenAiOutcomes, CompletedAndFailedThreeTimesItemsAreGivenUpWithTheProvidersReason) {
  const Json bad = {{"lines", {{"line-400", 1}}}};
  openai.script_batches(Json::array({bad, bad, bad}));
  home.run(3);
  EXPECT_EQ(ends(), (Ends{"COMPLETED", "COMPLETED", "COMPLETED"}));
  const Json failed = home.answer({"failed", "--entity", "line"});
  ASSERT_EQ(failed.at("total"), kLines);
  EXPECT_EQ(failed.at("items")[0].at("attempts"), 3);
  EXPECT_NE(failed.at("items")[0].at("reason"), "");
  EXPECT_EQ(home.answer({"retry", "--all"}).at("released"), kLines);
  home.run();
  expect_all_published();
}

TEST_F(OpenAiOutcomes, CompletedWithoutAnOutputFileAllItemsAreSentAgain) {
  run_with({{"output", "none"}});
  expect_all_published();
  EXPECT_EQ(ends(), (Ends{"COMPLETED", "COMPLETED"}));
  EXPECT_EQ(attempts_used(), kLines);
}

TEST_F(OpenAiOutcomes, ExpiredWhatWasPaidForIsPublishedAndOnlyTheRestSentAgain) {
  run_with({{"end", "expired"}, {"done", 0.5}});
  expect_all_published();
  EXPECT_EQ(ends(), (Ends{"EXPIRED", "COMPLETED"}));
  EXPECT_EQ(attempts_used(), 0) << "it is no fault of theirs";
  EXPECT_EQ(openai.stats().at("paid").at("requests"), kLines);
  EXPECT_EQ(paid_twice(), 0);
}

TEST_F(OpenAiOutcomes, ExpiredWithoutAnythingDoneAllItemsAreSentAgain) {
  run_with({{"end", "expired"}, {"done", 0}});
  expect_all_published();
  EXPECT_EQ(ends(), (Ends{"EXPIRED", "COMPLETED"}));
  EXPECT_EQ(attempts_used(), 0);
}

TEST_F(OpenAiOutcomes, CancelledWhatWasDoneIsPublishedAndOnlyTheRestSentAgain) {
  run_with({{"end", "cancelled"}, {"done", 0.5}});
  expect_all_published();
  EXPECT_EQ(ends(), (Ends{"CANCELLED", "COMPLETED"}));
  EXPECT_EQ(attempts_used(), 0);
  EXPECT_EQ(paid_twice(), 0);
}

TEST_F(OpenAiOutcomes, CancelledByTheUserItsItemsAreSentAgain) {
  home.submit();
  EXPECT_EQ(home.answer({"batches", "cancel", "--all"}).at("batches")[0].at("result"), "asked");
  home.run();
  expect_all_published();
  EXPECT_EQ(ends().back(), "COMPLETED");
}

TEST_F(OpenAiOutcomes, FailedItsItemsAreSentAgainAndTheReasonIsKept) {
  run_with({{"end", "failed"}, {"code", "invalid_json_line"}, {"message", "line 7 is no JSON"}});
  expect_all_published();
  EXPECT_EQ(ends(), (Ends{"FAILED", "COMPLETED"}));
  EXPECT_NE(why(0).find("invalid_json_line: line 7 is no JSON"), std::string::npos) << why(0);
  EXPECT_EQ(attempts_used(), kLines);
}

TEST_F(OpenAiOutcomes, FailedForTheTokenLimitItsItemsAreSentLaterAndInSmallerBatches) {
  openai.script_batches(Json::array({{{"end", "failed"}, {"code", "token_limit_exceeded"}}}));
  for (int tries = 0; tries < 50 && (ends().empty() || ends().front() != "FAILED"); ++tries) home.run(0, {"--no-wait"});
  ASSERT_EQ(ends(), Ends{"FAILED"});
  EXPECT_EQ(home.census().at("unclaimed"), kLines) << "not at once";
  {
    // The time of the pause passes.
    const auto table = must(SqliteTable::open(home.home() / "table.sqlite3"));
    std::vector<ItemKey> keys;
    must(for_each_item(*table, {.index = Index::type, .hash = "RECEIPT_LINE"}, [&](const Item& row) -> Result<void> {
      EXPECT_GT(row.at("deferred_until_ms").get<std::int64_t>(), 0);
      keys.push_back(key_of(row));
      return {};
    }));
    for (const ItemKey& key : keys) must(table->write(Update{.key = key, .set = {{"deferred_until_ms", 1}}}));
  }
  home.run();
  expect_all_published();
  EXPECT_EQ(attempts_used(), 0);
}

TEST_F(OpenAiOutcomes, WithAFileThatIsTooLargeItEndsWithTheLimitAndItsItemsAreSentInSmallerOnes) {
  openai.script_answers(Json::array({{{"on", "POST /v1/files"}, {"status", 413}}}));
  home.run();
  expect_all_published();
  EXPECT_EQ(ends().front(), "FAILED");
  EXPECT_NE(why(0).find("bytes is too large for the provider (BATCH_ITEMS_MAX)"), std::string::npos) << why(0);
  EXPECT_EQ(attempts_used(), 0);
}

TEST_F(OpenAiOutcomes, FailedWithABudgetThatItHasUsedUpTheRunEndsAndTheRestWaits) {
  openai.script_batches(Json::array({{{"end", "failed"}, {"code", "server_error"}}}));
  const std::string tokens = std::to_string(home.answer({"plan", "--entity", "line"}).at("tokens").get<int>());
  const auto run = home.run(18, {"--budget", tokens});
  const std::string reason = run.json().at("refused");
  EXPECT_NE(reason.find(tokens + " tokens in 1 batches were sent"), std::string::npos) << reason;
  EXPECT_EQ(run.json().at("tokens_sent"), std::stoi(tokens)) << "and no more";
  EXPECT_EQ(home.census().at("adds_up"), true);
  home.run();
  expect_all_published();
}

TEST_F(OpenAiOutcomes, WithABudgetWhatWasSentIsWaitedForAndKept) {
  OpenAiHome small(folder.path(), openai.environment(), {{"BATCH_ITEMS_MAX", "4"}}, "small");
  small.import_all(receipts_of_distinct_lines(2, 4));
  openai.script_batches(Json::array({{{"end", "failed"}, {"code", "server_error"}}, {{"end", "completed"}}}));
  const std::string tokens = std::to_string(small.answer({"plan", "--entity", "line"}).at("tokens").get<int>());
  small.run(18, {"--budget", tokens});
  EXPECT_EQ(small.census().at("published"), 4) << "of the batch that ended well";
  small.run();
  EXPECT_EQ(small.census().at("published"), 8);
}

TEST_F(OpenAiOutcomes, UnknownToTheProviderABatchHasFailedAndItsItemsAreSentAgain) {
  home.submit();
  openai.script_answers(Json::array(
      {{{"on", "GET /v1/batches/{id}"},
        {"status", 404},
        {"body",
         {{"error", {{"message", "No batch found"}, {"type", "invalid_request_error"}, {"code", nullptr}}}}}}}));
  home.run();
  expect_all_published();
  EXPECT_EQ(ends(), (Ends{"FAILED", "COMPLETED"}));
}

TEST_F(OpenAiOutcomes, ResultFilesThatAreGoneCountAsAbsent) {
  home.submit();
  openai.script_answers(Json::array({{{"on", "GET /v1/files/{id}/content"},
                                      {"status", 404},
                                      {"body", {{"error", {{"message", "No such File object"}}}}}}}));
  home.run();
  expect_all_published();
  EXPECT_EQ(ends(), (Ends{"COMPLETED", "COMPLETED"}));
}

TEST_F(OpenAiOutcomes, AResultForALineThatIsGoneIsDroppedAndOneThatChangedIsSentAgain) {
  home.submit();
  receipts[0].lines.pop_back();
  receipts[1].lines[0].text = "something else";
  home.import_all(receipts);
  home.run();
  expect_all_published(kLines - 1);
  EXPECT_EQ(paid_twice(), 0);
}

TEST_F(OpenAiOutcomes, ATextThatChangedAndChangedBackIsServedByWhatWasPaidFor) {
  home.submit();
  const auto before = receipts;
  receipts[0].lines[0].text = "something else";
  home.import_all(receipts);
  home.import_all(before);
  home.run();
  expect_all_published();
  EXPECT_EQ(openai.stats().at("paid").at("requests"), kLines);
}

TEST_F(OpenAiOutcomes, VectorsThatAreNoneCountAsFailedLines) {
  for (const char* fault : {"wrong-dimensions", "nan"}) {
    SCOPED_TRACE(fault);
    const std::string name = std::string("home-") + fault;
    OpenAiHome other(folder.path(), openai.environment(), {}, name);
    other.import_all(receipts);
    openai.script_batches(Json::array({{{"lines", {{fault, 1}}}}}));
    other.run();
    EXPECT_EQ(other.census().at("published"), kLines);
    EXPECT_EQ(other.batches().size(), 2U);
  }
}

TEST_F(OpenAiOutcomes, OfWhichNothingIsUsableABatchStillEnds) {
  run_with({{"lines", {{"line-null", 1}}}});
  expect_all_published();
  EXPECT_EQ(ends(), (Ends{"COMPLETED", "COMPLETED"}));
}

TEST_F(OpenAiOutcomes, WithLinesThatAreMissingTwiceOrOfNobodyEachItemIsPublishedOnce) {
  openai.script_batches(Json::array({{{"lines", {{"missing-id", 0.3}, {"duplicate-id", 0.3}, {"foreign-id", 0.3}}}}}));
  home.run();
  expect_all_published();
}

TEST_F(OpenAiOutcomes, WithAnOutputFileThatBreaksOffWhatCanBeReadIsPublishedAndTheRestSentAgain) {
  run_with({{"output", "truncated"}});
  expect_all_published();
  EXPECT_EQ(ends(), (Ends{"COMPLETED", "COMPLETED"}));
  EXPECT_NE(why(0).find("items without a vector"), std::string::npos) << why(0);
}

TEST_F(OpenAiOutcomes, WithoutPermissionNothingChangesAndTheReasonIsTold) {
  OpenAiHome stranger(folder.path(), {{"OPENAI_BASE_URL", openai.url() + "/v1"}, {"OPENAI_API_KEY", "sk-wrong"}}, {},
                      "stranger");
  stranger.import_all(receipts);
  const auto refused = stranger.program().run({"--json", "run", "--entity", "line", "--no-wait"});
  EXPECT_EQ(stranger.census().at("published"), 0);
  EXPECT_EQ(stranger.census().at("failed"), 0);
  EXPECT_EQ(stranger.census().at("adds_up"), true);
  EXPECT_EQ(openai.stats().at("batches").at("created"), 0);
  EXPECT_EQ(refused.err.find("sk-wrong"), std::string::npos);
}

}  // namespace
}  // namespace tillite::testing
