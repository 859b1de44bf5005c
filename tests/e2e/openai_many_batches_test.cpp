// Many batches at a provider that misbehaves in every way that it can: everything ends complete, with few calls at a
// time, and no batch is created twice. A few seeds; scripts/rehearse-many-batches takes many, with 1,483 batches each.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/stopwatch.h"
#include "e2e/openai_home.h"

namespace tillite::testing {
namespace {

/// What a variable says, or what is good for a quick look.
int variable(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

// A tenth of the requests, of the batches and of the lines each. An account without quota and a limit of tokens are not
// among them: the first ends a run by right, the second makes it wait for minutes.
constexpr const char* kFaults =
    "429=0.02,5xx=0.02,cut=0.03,slow=0.01,cut-body=0.02,"
    "expire=0.02,fail=0.02,cancel=0.02,no-output=0.02,truncate=0.02,"
    "duplicate-id=0.01,missing-id=0.01,foreign-id=0.01,wrong-dimensions=0.01,nan=0.01,"
    "line-400=0.01,line-500=0.02,line-error=0.01,line-null=0.01,"
    "list-lag=1s,retry-after=1s,slow-for=50ms";

class OpenAiManyBatches : public ::testing::TestWithParam<int> {};

TEST_P(OpenAiManyBatches, EndCompleteWithFewCallsAtATimeAndNoneTwice) {
  const int seed = GetParam();
  const int batches = variable("TILLITE_BATCHES", 60);
  constexpr int lines_a_receipt = 100;
  TempFolder folder;
  OpenAiEmulator openai(folder.path(),
                        {.faults = kFaults,
                         .seed = static_cast<std::uint64_t>(seed),
                         .latency = "validating=10ms,in-progress=500ms,finalizing=10ms,cancelling=10ms"});
  OpenAiHome home(folder.path(), openai.environment(),
                  {{"BATCH_ITEMS_MAX", "1"}, {"PROVIDER_CALLS_MAX", "8"}, {"OPENAI_CALLS_MAX", "8"}});
  auto receipts = receipts_of_distinct_lines((batches + lines_a_receipt - 1) / lines_a_receipt, lines_a_receipt);
  for (int extra = batches % lines_a_receipt; extra > 0 && receipts.back().lines.size() > std::size_t(extra);) {
    receipts.back().lines.pop_back();
  }
  home.import_all(receipts);

  Stopwatch stopwatch;
  int runs = 0;
  for (Json census; runs < 20; ++runs) {
    const auto outcome = home.program().run({"--json", "--log-level", "warning", "run", "--entity", "line"});
    census = home.census();
    EXPECT_EQ(census.at("adds_up"), true);
    if (census.at("published") == batches) break;
    // Items may have failed three times by chance: whoever looks after the home lets them go on.
    if (census.at("failed") > 0) home.answer({"retry", "--all"});
    if (outcome.status != 0 && outcome.status != 3) fmt::print("[   FIGURE ] a run ended: {}\n", outcome.err);
  }
  const Json stats = openai.stats();
  fmt::print(
      "[   FIGURE ] seed {}: {} batches in {} ms, {} runs, {} requests, {} batches created, at most {} at once\n", seed,
      batches, stopwatch.lap_ms(), runs + 1, stats.at("requests").at("total").get<int>(),
      stats.at("batches").at("created").get<int>(), stats.at("requests").at("in_flight_max").get<int>());
  std::fflush(stdout);

  const Json census = home.census();
  EXPECT_EQ(census.at("published"), batches) << census;
  EXPECT_EQ(census.at("snapshot_vectors"), batches);
  EXPECT_EQ(census.at("deltas_waiting"), 0);
  EXPECT_TRUE(home.answer({"batches", "list"}).at("batches").empty()) << "nothing is left waiting";
  EXPECT_LE(stats.at("requests").at("in_flight_max"), 8);
  for (const auto& [id, count] : stats.at("batches").at("by_metadata").at("tillite_batch_id").items()) {
    EXPECT_EQ(count, 1) << id << " was created twice";
  }
  // Files may be there whose upload got no answer: gc finds those. Batches may not.
  const auto reconciled = home.program().run({"--json", "batches", "reconcile"});
  EXPECT_EQ(reconciled.json().at("batches"), Json::array()) << "no batch is there that nobody knows";
}

INSTANTIATE_TEST_SUITE_P(Seeds, OpenAiManyBatches,
                         ::testing::Range(variable("TILLITE_SEED_FIRST", 1), variable("TILLITE_SEED_LAST", 3) + 1));

}  // namespace
}  // namespace tillite::testing
