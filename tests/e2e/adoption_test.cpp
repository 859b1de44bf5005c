// doctor, adopt and migrate, as a user runs them.
#include <gtest/gtest.h>

#include "adapters/local/home.h"
#include "adapters/local/sqlite_table.h"
#include "adapters/local/system_clock.h"
#include "support/earlier_table.h"
#include "support/sample_home.h"

namespace tillite::testing {
namespace {

class AdoptionOfAHome : public ::testing::Test {
 protected:
  TempFolder folder;
  Path home = folder / "home";
  Program program{folder.path(), home};

  void fill_as_earlier() {
    const Home made = must(Home::open(home, true));
    const auto table = must(SqliteTable::open(made.table_file()));
    SystemClock clock;
    EarlierTable(*table, clock.now_ms()).fill();
  }
};

TEST_F(AdoptionOfAHome, EveryCommandReadsATableOfAnEarlierSystem) {
  fill_as_earlier();
  const auto doctor = program.run({"--json", "doctor"});
  EXPECT_EQ(doctor.status, 19) << doctor.err;
  EXPECT_FALSE(doctor.json().at("well").get<bool>());
  EXPECT_NE(program.run({"doctor"}).out.find("remedy: tillite adopt"), std::string::npos);

  EXPECT_EQ(program.run({"status"}).status, 10) << "items without a status are in no sum";
  EXPECT_EQ(program.run({"plan"}).status, 0);
  EXPECT_EQ(program.run({"failed"}).status, 0);
  EXPECT_EQ(program.run({"batches", "list", "--all"}).status, 0);
  EXPECT_EQ(program.run({"batches", "show", "11111111-0000-4000-8000-000000000002"}).status, 0);
  EXPECT_EQ(program.run({"import", sample_file(folder, 2)}).status, 0);
  const auto run = program.run({"--json", "run"});
  EXPECT_EQ(run.status, 3) << "given up items of the earlier system are listed: " << run.err;
  EXPECT_EQ(program.run({"query", "oat milk"}).status, 0);
  EXPECT_EQ(program.run({"gc", "--keep-hours", "0"}).status, 0);
}

TEST_F(AdoptionOfAHome, AnAdoptionMakesTheSumRight) {
  fill_as_earlier();
  const auto dry = program.run({"--json", "adopt", "--dry-run"});
  EXPECT_EQ(dry.status, 0) << dry.err;
  EXPECT_TRUE(dry.json().at("changed").get<bool>());
  EXPECT_EQ(program.run({"status"}).status, 10) << "nothing was changed";

  const auto adopted = program.run({"--json", "adopt"});
  EXPECT_EQ(adopted.status, 0) << adopted.err;
  EXPECT_EQ(adopted.json().at("released"), dry.json().at("released"));
  EXPECT_EQ(adopted.json().at("statuses_set"), dry.json().at("statuses_set"));
  EXPECT_EQ(program.run({"run"}).status, 3);
  EXPECT_EQ(program.run({"status"}).status, 0);
  EXPECT_FALSE(program.run({"--json", "adopt"}).json().at("changed").get<bool>());
}

TEST_F(AdoptionOfAHome, AHomeOfOursIsWell) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 2)}).status, 0);
  ASSERT_EQ(program.run({"run"}).status, 0);
  const auto doctor = program.run({"--json", "doctor"});
  EXPECT_EQ(doctor.status, 0) << doctor.out;
  EXPECT_FALSE(program.run({"--json", "adopt"}).json().at("changed").get<bool>());
}

TEST_F(AdoptionOfAHome, MigratesToAnotherHome) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 2)}).status, 0);
  ASSERT_EQ(program.run({"run"}).status, 0);
  const Path target = folder / "target";
  EXPECT_EQ(program.run({"migrate", "--from", home.string(), "--to", target.string(), "--dry-run"}).status, 0);
  EXPECT_FALSE(std::filesystem::exists(target));
  const auto migrated = program.run({"--json", "migrate", "--from", home.string(), "--to", target.string()});
  EXPECT_EQ(migrated.status, 0) << migrated.err;
  EXPECT_TRUE(migrated.json().at("agrees").get<bool>());
  const Program there{folder.path(), target};
  EXPECT_EQ(content_of(there), content_of(program));
  EXPECT_TRUE(there.run({"--json", "run"}).json().at("nothing_to_do").get<bool>());
  EXPECT_EQ(program.run({"migrate", "--from", target.string(), "--to", home.string()}).status, 6)
      << "a home with content is no target";
  EXPECT_EQ(program.run({"migrate", "--from", (folder / "nowhere").string(), "--to", target.string()}).status, 5);
}

TEST_F(AdoptionOfAHome, DoesNotLeaveABatchAtTheEmbeddedProviderBehind) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 1)}).status, 0);
  ASSERT_EQ(program.run({"workflow", "start", "create-batches-sf"}).status, 0);
  const auto refused = program.run({"migrate", "--from", home.string(), "--to", (folder / "target").string()});
  EXPECT_EQ(refused.status, 6);
  EXPECT_NE(refused.err.find("embedded provider"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace tillite::testing
