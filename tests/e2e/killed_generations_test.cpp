// A generation whose building is killed again and again comes to what an undisturbed one comes to.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <random>
#include <thread>

#include "base/stopwatch.h"
#include "home_content.h"
#include "support/program.h"
#include "support/sample_home.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

constexpr int kHomes = 5;
constexpr int kKillsAHome = 2;
constexpr int kReceipts = 12;

class KilledGenerations : public ::testing::Test {
 protected:
  /// A home with published receipts, a generation that was started, and news for both.
  void prepare(const Program& program) {
    ASSERT_EQ(program.run({"import", receipts}).status, 0);
    ASSERT_EQ(program.run({"run"}).status, 0);
    ASSERT_EQ(program.run({"generations", "start", "--dimensions", "64"}).status, 0);
    ASSERT_EQ(program.run({"import", more_receipts}).status, 0);
    const Receipt gone = sample_receipt(1, 3);
    const auto removed = program.run({"delete", "--receipt", gone.image_id.str(), std::to_string(gone.receipt_id)});
    ASSERT_EQ(removed.status, 0) << removed.err;
  }
  static std::map<Entity, IdVersions> published(const Path& home) {
    const HomeContent content(home);
    std::map<Entity, IdVersions> all;
    for (const Entity entity : kEntities) all[entity] = content.published(entity);
    return all;
  }

  TempFolder folder;
  std::string receipts = sample_file(folder, kReceipts);
  std::string more_receipts = sample_file(folder, kReceipts / 3, kReceipts);
};

TEST_F(KilledGenerations, ComeToTheSameContent) {
  const Program undisturbed(folder.path(), folder / "undisturbed");
  prepare(undisturbed);
  Stopwatch stopwatch;
  ASSERT_EQ(undisturbed.run({"run"}).status, 0);
  const std::int64_t duration_ms = stopwatch.lap_ms();
  const Json content = content_of(undisturbed);
  const auto ids = published(folder / "undisturbed");
  ASSERT_FALSE(ids.at(Entity::line).empty());

  std::mt19937 random(7);
  int killed = 0;
  for (int number = 0; number < kHomes; ++number) {
    SCOPED_TRACE(number);
    const Path home = folder / fmt::format("home-{}", number);
    const Program program(folder.path(), home);
    prepare(program);
    // The first kills lie each in its own part of the run, the second ones anywhere.
    std::int64_t moment_ms = std::uniform_int_distribution(number * duration_ms, (number + 1) * duration_ms)(random);
    moment_ms /= kHomes;
    for (int kill = 0; kill < kKillsAHome; ++kill) {
      const pid_t child = program.start({"run"});
      std::this_thread::sleep_for(std::chrono::milliseconds(moment_ms));
      ::kill(child, SIGKILL);
      killed += program.wait(child).status == 128 + SIGKILL ? 1 : 0;
      moment_ms = std::uniform_int_distribution<std::int64_t>(0, duration_ms)(random);
    }
    const auto last = program.run({"run"});
    ASSERT_EQ(last.status, 0) << last.err;
    EXPECT_EQ(content_of(program), content);
    const auto now = published(home);
    for (const Entity entity : kEntities) EXPECT_EQ(difference(now.at(entity), ids.at(entity)), "");
    for (const Json& generation : program.run({"--json", "generations"}).json().at("generations")) {
      EXPECT_EQ(generation.at("state"), generation.at("generation") == 2 ? "active" : "retired");
    }
    std::filesystem::remove_all(home);
  }
  fmt::print("[   FIGURE ] undisturbed: {} ms; {} of {} were killed before their end\n", duration_ms, killed,
             kHomes * kKillsAHome);
  EXPECT_GE(killed, kHomes / 2) << "most were killed before their end";
}

}  // namespace
}  // namespace tillite::testing
