// Killed between any two calls of the provider, before one and behind one, a later run goes on: nothing is lost, and no
// item is in two batches that are paid for. The provider's own counts say so.
#include <gtest/gtest.h>

#include <future>

#include "e2e/openai_gate.h"
#include "e2e/openai_home.h"

namespace tillite::testing {
namespace {

constexpr int kReceipts = 3;
constexpr int kLines = 4;

struct Sweep {
  TempFolder folder;
  OpenAiEmulator openai;
  OpenAiGate gate{openai.url()};
  OpenAiHome home{folder.path(),
                  {{"OPENAI_BASE_URL", gate.url() + "/v1"}, {"OPENAI_API_KEY", OpenAiEmulator::kKey}},
                  {{"BATCH_ITEMS_MAX", std::to_string(kLines)}}};

  Sweep() : openai(folder.path(), {}) { home.import_all(receipts_of_distinct_lines(kReceipts, kLines)); }

  void expect_whole() {
    const Json census = home.census();
    EXPECT_EQ(census.at("published"), kReceipts * kLines) << census;
    EXPECT_EQ(census.at("snapshot_vectors"), kReceipts * kLines);
    EXPECT_EQ(census.at("adds_up"), true);
    home.answer({"gc"});
    const Json stats = openai.stats();
    EXPECT_EQ(stats.at("paid").at("requests_more_than_once"), 0) << stats.at("paid");
    EXPECT_EQ(stats.at("paid").at("requests"), kReceipts * kLines);
    EXPECT_EQ(stats.at("files").at("alive"), 0) << "nothing is left at the provider";
  }
};

int calls_of_a_run() {
  Sweep sweep;
  sweep.home.run();
  sweep.expect_whole();
  return sweep.gate.calls();
}

/// A run that is killed at one call, and another one.
void kill_at(int number, bool behind) {
  SCOPED_TRACE(fmt::format("killed {} call {}", behind ? "behind" : "before", number));
  Sweep sweep;
  std::atomic<pid_t> child = 0;
  std::string operation = "none";
  const auto kill = [&](const OpenAiGate::Call& call) {
    if (call.number != number) return;
    operation = call.operation;
    while (child == 0) std::this_thread::yield();  // start() is about to say who it is
    ::kill(child, SIGKILL);
  };
  sweep.gate.before = [&](const OpenAiGate::Call& call) -> std::optional<HttpServer::Answer> {
    if (behind) return std::nullopt;
    kill(call);
    if (call.number == number) return HttpServer::Answer{.raw = ""};
    return std::nullopt;
  };
  sweep.gate.after = [&](const OpenAiGate::Call& call, HttpServer::Answer&) {
    if (behind) kill(call);
  };
  child = sweep.home.program().start({"run", "--entity", "line"}, "killed");
  const auto ended = sweep.home.program().wait(child, "killed");
  // How many calls a run makes depends on how often it polls: the last ones may not come.
  if (ended.status != 128 + SIGKILL) {
    EXPECT_EQ(ended.status, 0) << ended.err;
  }
  SCOPED_TRACE(operation);
  sweep.home.run();
  sweep.expect_whole();
}

TEST(OpenAiKilled, BetweenAnyTwoCallsNothingIsLostAndNothingPaidTwice) {
  const int calls = calls_of_a_run();
  fmt::print("[   FIGURE ] a run makes {} calls\n", calls);
  ASSERT_GT(calls, 10);
  // A batch whose submit was cut off is left alone for 15 s: many homes wait at the same time.
  constexpr std::size_t at_once = 6;
  std::atomic<int> next = 0;
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < at_once; ++i) {
    workers.emplace_back([&] {
      for (int turn = next++; turn < 2 * calls; turn = next++) kill_at(turn / 2, turn % 2 == 1);
    });
  }
}

}  // namespace
}  // namespace tillite::testing
