#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <map>
#include <random>
#include <thread>

#include "base/stopwatch.h"
#include "home_content.h"
#include "real_receipts.h"
#include "support/temp_folder.h"

// Runs over real receipts that are killed, or meet each other: they come to what an undisturbed run comes to.

namespace tillite::testing {
namespace {

constexpr std::size_t kReceipts = 60;
constexpr int kHomes = 10;
constexpr int kKillsAHome = 2;  // the second one meets a run that takes up what the first one left

/// The steps that a killed run was in, of its log: those that began and were not done.
std::string steps_under_way(const std::string& log) {
  std::map<std::string, int> open;
  std::string last = "before the first step";
  for (std::size_t begin = 0; begin < log.size();) {
    const std::size_t end = std::min(log.find('\n', begin), log.size());
    const Json line = Json::parse(log.substr(begin, end - begin), nullptr, false);  // the last line may be torn
    begin = end + 1;
    if (!line.is_object()) continue;
    const std::string step = line.value("operation", line.value("logger", ""));
    const std::string message = line.value("message", "");
    if (message == "step begins") ++open[step];
    if (message == "step done") --open[step];
    if (message == "step done") last = "after " + step;
  }
  std::string under_way;
  for (const auto& [step, count] : open) {
    if (count > 0) under_way += (under_way.empty() ? "" : ", ") + step;
  }
  return under_way.empty() ? last : under_way;
}

/// An undisturbed home, to compare with.
class KilledRunsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (RealReceipts::available()) undisturbed = std::make_unique<Undisturbed>();
  }
  static void TearDownTestSuite() { undisturbed.reset(); }
  void SetUp() override {
    if (!RealReceipts::available()) GTEST_SKIP() << RealReceipts::how_to_get();
    ASSERT_EQ(undisturbed->run.status, 0) << undisturbed->run.err;
  }

  struct Undisturbed {
    TempFolder folder;
    Path home = folder / "home";
    Program program{folder.path(), home};
    std::string receipts;
    Program::Outcome run;
    std::int64_t duration_ms = 0;
    Json content;
    std::map<Entity, IdVersions> published;

    Undisturbed() {
      auto all = RealReceipts::read();
      all.resize(kReceipts);
      receipts = RealReceipts::write(all, folder / "receipts.jsonl");
      EXPECT_EQ(program.run({"import", receipts}).status, 0);
      Stopwatch stopwatch;
      run = program.run({"--log-level", "debug", "run"});
      duration_ms = stopwatch.lap_ms();
      content = content_of(program);
      for (const Entity entity : kEntities) published[entity] = HomeContent(home).published(entity);
    }
  };

  /// The home has come to what the undisturbed one holds: counts, checksums, and every id.
  static void expect_same_content(const Program& program, const Path& home) {
    EXPECT_EQ(content_of(program), undisturbed->content);
    const HomeContent content(home);
    for (const Entity entity : kEntities) {
      EXPECT_EQ(difference(content.published(entity), undisturbed->published.at(entity)), "");
    }
  }

  static std::unique_ptr<Undisturbed> undisturbed;
  TempFolder folder;
};

std::unique_ptr<KilledRunsTest::Undisturbed> KilledRunsTest::undisturbed;

TEST_F(KilledRunsTest, KilledAtAnyMomentTheyComeToTheSameContent) {
  fmt::print("[   FIGURE ] {} receipts, undisturbed: {} ms\n", kReceipts, undisturbed->duration_ms);
  std::mt19937 random(20);
  int killed = 0;
  std::map<std::string, int> places;
  for (int number = 0; number < kHomes; ++number) {
    SCOPED_TRACE(number);
    const Path home = folder / fmt::format("home-{}", number);
    const Program program(folder.path(), home);
    ASSERT_EQ(program.run({"import", undisturbed->receipts}).status, 0);
    // The first kills lie each in its own part of the run, the second ones anywhere in what is left of it.
    const std::int64_t part_ms = undisturbed->duration_ms / kHomes;
    std::int64_t earliest_ms = number * part_ms;
    std::int64_t latest_ms = earliest_ms + part_ms;
    for (int kill = 0; kill < kKillsAHome; ++kill) {
      const std::int64_t moment_ms = std::uniform_int_distribution(earliest_ms, latest_ms)(random);
      earliest_ms = 0;
      latest_ms = std::max(undisturbed->duration_ms - moment_ms, undisturbed->duration_ms / 4);
      const pid_t child = program.start({"--log-level", "debug", "run"});
      std::this_thread::sleep_for(std::chrono::milliseconds(moment_ms));
      ::kill(child, SIGKILL);
      const auto ended = program.wait(child);
      const bool was_killed = ended.status == 128 + SIGKILL;
      const std::string place = was_killed ? steps_under_way(ended.err) : "after its end";
      fmt::print("[   FIGURE ] home {}, kill {} at {:5} ms: {}\n", number, kill + 1, moment_ms, place);
      std::fflush(stdout);
      killed += was_killed ? 1 : 0;
      ++places[place];
    }
    const auto last = program.run({"run"});
    ASSERT_EQ(last.status, 0) << last.err;
    expect_same_content(program, home);
    std::filesystem::remove_all(home);
  }
  EXPECT_GE(killed, kHomes) << "most were killed before their end";
  EXPECT_GE(places.size(), 3U) << "in different steps";
}

TEST_F(KilledRunsTest, TwoAtOnceComeToTheSameContent) {
  const Path home = folder / "home";
  const Program program(folder.path(), home);
  ASSERT_EQ(program.run({"import", undisturbed->receipts}).status, 0);
  const pid_t first = program.start({"run"}, "first");
  const pid_t second = program.start({"run"}, "second");
  const auto first_ended = program.wait(first, "first");
  const auto second_ended = program.wait(second, "second");
  EXPECT_EQ(first_ended.status, 0) << first_ended.err;
  EXPECT_EQ(second_ended.status, 0) << second_ended.err;
  expect_same_content(program, home);
}

}  // namespace
}  // namespace tillite::testing
