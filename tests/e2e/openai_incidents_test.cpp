// The incidents of docs/incidents.md that had to do with the provider, over HTTP: the program itself, against its
// emulator. Each is named after what must not happen any more.
#include <gtest/gtest.h>

#include "e2e/openai_gate.h"
#include "e2e/openai_home.h"

namespace tillite::testing {
namespace {

class OpenAiIncidents : public ::testing::Test {
 protected:
  TempFolder folder;
  OpenAiEmulator openai{folder.path(), {}};
  OpenAiHome home{folder.path(), openai.environment(), {{"BATCH_ITEMS_MAX", "4"}}};

  void expect_all_published(std::size_t lines) {
    const Json census = home.census();
    EXPECT_EQ(census.at("published"), lines) << census;
    EXPECT_EQ(census.at("snapshot_vectors"), lines);
    EXPECT_EQ(census.at("adds_up"), true);
    EXPECT_EQ(census.at("deltas_waiting"), 0);
    EXPECT_TRUE(home.answer({"batches", "list"}).at("batches").empty()) << "no batch is polled for ever";
  }
  std::size_t calls_of(const std::string& operation) {
    return openai.stats().at("requests").at("by_operation").value(operation, Json::object()).value("count", 0U);
  }
  std::size_t created() { return openai.stats().at("batches").at("created"); }
};

// 2: a cap dropped 79 % of the vectors.
TEST_F(OpenAiIncidents, TheVectorsOfAllBatchesAreMergedHoweverManyThereAre) {
  home.import_all(receipts_of_distinct_lines(30, 4));
  home.run();
  expect_all_published(120);
  EXPECT_GE(created(), 30U);
}

// 9: an unfinished batch was polled once and never again.
TEST_F(OpenAiIncidents, AnUnfinishedBatchIsPolledUntilItEnds) {
  OpenAiEmulator slow(folder.path(), {.latency = "validating=300ms,in-progress=900ms,finalizing=300ms"}, "slow");
  OpenAiHome waiting(folder.path(), slow.environment(), {}, "waiting");
  waiting.import_all(receipts_of_distinct_lines(1, 4));
  waiting.run();
  EXPECT_EQ(waiting.census().at("published"), 4);
  const Json polls = slow.stats().at("requests").at("by_operation").at("GET /v1/batches/{id}");
  EXPECT_GE(polls.at("count"), 4);
}

// 10: expired batches' good results were stored and never merged.
TEST_F(OpenAiIncidents, WhatAnExpiredBatchBroughtIsInTheSnapshot) {
  home.import_all(receipts_of_distinct_lines(1, 4));
  openai.script_batches(Json::array({{{"end", "expired"}, {"done", 0.5}}}));
  home.submit();
  for (int tries = 0; tries < 50 && home.batches()[0].at("status") != "EXPIRED"; ++tries) home.run(0, {"--no-wait"});
  EXPECT_EQ(home.census().at("snapshot_vectors"), 2);
  home.run();
  expect_all_published(4);
  EXPECT_EQ(openai.stats().at("paid").at("requests"), 4);
}

// 11: a non-empty error file crashed the run.
TEST_F(OpenAiIncidents, ErrorFilesOfEveryFormAreRead) {
  home.import_all(receipts_of_distinct_lines(4, 4));
  openai.script_batches(Json::array({{{"lines", {{"line-400", 1}}}},
                                     {{"lines", {{"line-500", 1}}}},
                                     {{"lines", {{"line-error", 1}}}},
                                     {{"lines", {{"line-null", 1}}}}}));
  home.run();
  expect_all_published(16);
}

// 12: items of cancelled and failed batches stayed PENDING for ever.
TEST_F(OpenAiIncidents, ItemsOfCancelledFailedAndExpiredBatchesAreSentAgain) {
  home.import_all(receipts_of_distinct_lines(3, 4));
  openai.script_batches(Json::array({{{"end", "cancelled"}, {"done", 0}},
                                     {{"end", "failed"}, {"code", "server_error"}},
                                     {{"end", "expired"}, {"done", 0}}}));
  home.run();
  expect_all_published(12);
  EXPECT_EQ(created(), 6U);
}

// 13: batches were polled for ever whose receipts had all been deleted.
TEST_F(OpenAiIncidents, ABatchWhoseReceiptsWereAllDeletedEnds) {
  const auto receipts = receipts_of_distinct_lines(1, 4);
  home.import_all(receipts);
  home.submit();
  ASSERT_EQ(home.program().run({"delete", "--receipt", receipts[0].image_id.str(), "1"}).status, 0);
  home.run();
  EXPECT_TRUE(home.answer({"batches", "list"}).at("batches").empty());
  EXPECT_EQ(home.census().at("found"), 0);
  const std::size_t polls = calls_of("GET /v1/batches/{id}");
  home.run();
  EXPECT_EQ(calls_of("GET /v1/batches/{id}"), polls) << "nobody asks again";
}

// 14: one result for a line that no longer exists killed the whole run.
TEST_F(OpenAiIncidents, AResultForALineThatNoLongerExistsStopsNobody) {
  auto receipts = receipts_of_distinct_lines(2, 4);
  home.import_all(receipts);
  home.submit();
  receipts[0].lines.erase(receipts[0].lines.begin());
  home.import_all(receipts);
  home.run();
  expect_all_published(7);
}

// 15: a crash between creating the provider's batch and recording it paid twice.
TEST_F(OpenAiIncidents, ABatchWhoseCreationGotNoAnswerIsFoundAgain) {
  home.import_all(receipts_of_distinct_lines(1, 4));
  openai.script_answers(Json::array({{{"on", "POST /v1/batches"}, {"fault", "cut-after"}}}));
  home.run();
  expect_all_published(4);
  EXPECT_EQ(created(), 1U);
  EXPECT_EQ(openai.stats().at("paid").at("requests"), 4);
}

TEST_F(OpenAiIncidents, ABatchWhoseCreationDidNotHappenIsCreatedOnce) {
  home.import_all(receipts_of_distinct_lines(1, 4));
  openai.script_answers(Json::array({{{"on", "POST /v1/batches"}, {"fault", "cut-before"}}}));
  home.run();
  expect_all_published(4);
  EXPECT_EQ(created(), 1U);
}

// 16: the run died of its own size at about 600 batches. The engine refuses a state beyond AWS's 256 KiB, so a run that
// ends well has kept below it.
TEST_F(OpenAiIncidents, ARunOfSixHundredBatchesDoesNotOutgrowItsStates) {
  constexpr int batches = 600;
  OpenAiHome many(folder.path(), openai.environment(), {{"BATCH_ITEMS_MAX", "1"}}, "many");
  many.import_all(receipts_of_distinct_lines(batches / 100, 100));
  many.run();
  EXPECT_EQ(many.census().at("published"), batches);
  EXPECT_EQ(many.census().at("batches").at("COMPLETED"), batches);
}

// 17: downloads were rate-limited all at once, and everything failed.
TEST_F(OpenAiIncidents, ManyRateLimitedDownloadsSucceedWithFewAtATime) {
  home.import_all(receipts_of_distinct_lines(20, 4));
  home.submit();
  openai.script_answers(
      Json::array({{{"on", "GET /v1/files/{id}/content"},
                    {"times", 8},
                    {"status", 429},
                    {"headers", {{"retry-after-ms", "50"}}},
                    {"body", {{"error", {{"message", "slow down"}, {"code", "rate_limit_exceeded"}}}}}}}));
  home.run();
  expect_all_published(80);
  EXPECT_LE(openai.stats().at("requests").at("in_flight_max"), 8);
  EXPECT_EQ(openai.stats().at("paid").at("requests_more_than_once"), 0);
}

// 18: a few stuck batches at the head of the list starved all others.
TEST_F(OpenAiIncidents, BatchesThatStayUnfinishedKeepNobodyFromItsTurn) {
  OpenAiGate gate(openai.url());
  std::mutex mutex;
  std::vector<std::string> stuck;
  gate.after = [&](const OpenAiGate::Call& call, HttpServer::Answer& answer) {
    const std::scoped_lock lock(mutex);
    Json body = Json::parse(answer.body, nullptr, false);
    if (!body.is_object() || body.value("object", "") != "batch") return;
    const std::string id = body.at("id");
    if (call.operation == "POST /v1/batches" && stuck.size() < 5) stuck.push_back(id);
    if (std::ranges::find(stuck, id) == stuck.end()) return;
    body["status"] = "in_progress";
    body["output_file_id"] = nullptr;
    answer.body = to_text(body);
  };
  OpenAiHome behind(folder.path(), {{"OPENAI_BASE_URL", gate.url() + "/v1"}, {"OPENAI_API_KEY", OpenAiEmulator::kKey}},
                    {{"BATCH_ITEMS_MAX", "4"}}, "behind");
  behind.import_all(receipts_of_distinct_lines(15, 4));
  behind.submit();
  for (int tries = 0; tries < 50 && behind.census().at("published") != 40; ++tries) behind.run(0, {"--no-wait"});
  EXPECT_EQ(behind.census().at("published"), 40) << "all but the stuck ones";
  EXPECT_EQ(behind.answer({"batches", "list"}).at("batches").size(), 5U);
  {
    const std::scoped_lock lock(mutex);
    stuck = {"none any more", "", "", "", ""};
  }
  behind.run();
  EXPECT_EQ(behind.census().at("published"), 60);
}

// 20: two text formats in one index poisoned similarity: batch and direct path formatted differently.
TEST_F(OpenAiIncidents, BatchAndCallSendTheSameTextsAndBringTheSameVectors) {
  const auto receipts = receipts_of_distinct_lines(2, 4);
  home.import_all(receipts);
  home.run();
  OpenAiHome direct(folder.path(), openai.environment(), {}, "direct");
  direct.import_all(receipts);
  direct.run(0, {"--direct"});
  EXPECT_EQ(direct.batches()[0].at("source"), "call");
  EXPECT_EQ(direct.census().at("snapshot_checksum"), home.census().at("snapshot_checksum"));
}

TEST_F(OpenAiIncidents, AnotherModelOrLengthIsNotMixedIntoACollection) {
  home.import_all(receipts_of_distinct_lines(1, 4));
  home.run();
  const std::size_t before = created();
  const Json checksum = home.census().at("snapshot_checksum");
  for (const auto& [name, value] :
       {std::pair("EMBEDDING_MODEL", "text-embedding-3-large"), std::pair("EMBEDDING_DIMENSIONS", "128")}) {
    SCOPED_TRACE(name);
    OpenAiHome other(folder.path(), openai.environment(), {{name, value}});
    const auto run = other.program().run({"run", "--entity", "line"});
    EXPECT_EQ(run.status, 0) << "the collection goes on as it is bound";
    EXPECT_NE((run.out + run.err).find("generations start"), std::string::npos) << run.out << run.err;
    EXPECT_EQ(other.census().at("snapshot_checksum"), checksum);
  }
  EXPECT_EQ(created(), before) << "nothing is paid for";
}

}  // namespace
}  // namespace tillite::testing
