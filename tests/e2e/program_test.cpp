#include "support/program.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "receipts/receipt_reader.h"
#include "receipts/sample.h"
#include "support/sample_home.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

class ProgramTest : public ::testing::Test {
 protected:
  TempFolder folder;
  Path home = folder / "home";
  Program program{folder.path(), home};
};

TEST_F(ProgramTest, TakesReceiptsToPublishedVectorsAndFindsThem) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 10)}).status, 0);
  const auto run = program.run({"--json", "run"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json content = content_of(program);
  for (const auto& [collection, facts] : content.items()) {
    EXPECT_EQ(facts.at("adds_up"), true) << collection;
    EXPECT_EQ(facts.at("found").get<int>(), facts.at("noise").get<int>() + facts.at("published").get<int>())
        << collection;
    EXPECT_EQ(facts.at("published"), facts.at("snapshot_vectors")) << collection;
  }
  const auto query = program.run({"--json", "query", "TOTAL", "-k", "3"});
  ASSERT_EQ(query.status, 0) << query.err;
  ASSERT_EQ(query.json().at("hits").size(), 3U);
  EXPECT_EQ(query.json().at("hits")[0].at("document"), "TOTAL");
  EXPECT_NEAR(query.json().at("hits")[0].at("distance").get<double>(), 0, 1e-5);
}

TEST_F(ProgramTest, ASecondRunHasNothingToDoAndSaysSo) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 3)}).status, 0);
  ASSERT_EQ(program.run({"run"}).status, 0);
  const auto again = program.run({"run"});
  EXPECT_EQ(again.status, 0);
  EXPECT_NE(again.out.find("nothing to do"), std::string::npos) << again.out;
}

TEST_F(ProgramTest, AnImportOfMoreReceiptsEmbedsOnlyThese) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 5)}).status, 0);
  ASSERT_EQ(program.run({"run"}).status, 0);
  const auto before = content_of(program);
  const auto imported = program.run({"--json", "import", sample_file(folder, 5), sample_file(folder, 2, 5)});
  ASSERT_EQ(imported.json().at("unchanged"), 5);
  const auto run = program.run({"--json", "run"});
  EXPECT_EQ(run.json().at("items_found"), imported.json().at("to_embed"));
  EXPECT_GT(content_of(program)["receipt_lines"]["published"], before["receipt_lines"]["published"]);
}

TEST_F(ProgramTest, ADeletedReceiptIsNotFoundAnyMore) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 2)}).status, 0);
  ASSERT_EQ(program.run({"run"}).status, 0);
  const Receipt receipt = sample_receipt(1, 0);
  const std::string id = line_record_id(receipt.image_id, 1, 1).str();
  ASSERT_EQ(program.run({"get", id}).status, 0);
  ASSERT_EQ(program.run({"delete", "--receipt", receipt.image_id.str(), "1"}).status, 0);
  EXPECT_EQ(program.run({"get", id}).status, 3) << "gone at once";
  ASSERT_EQ(program.run({"run"}).status, 0);
  EXPECT_EQ(program.run({"get", id}).status, 3) << "and after the merge";
  EXPECT_EQ(program.run({"delete", "--receipt", receipt.image_id.str(), "1"}).status, 5);
  EXPECT_EQ(program.run({"status"}).status, 0);
}

TEST_F(ProgramTest, KilledAtAnyMomentItComesToTheSameContent) {
  const std::string receipts = sample_file(folder, 12);
  const Program undisturbed(folder.path(), folder / "undisturbed");
  ASSERT_EQ(undisturbed.run({"import", receipts}).status, 0);
  ASSERT_EQ(undisturbed.run({"run"}).status, 0);
  const Json expected = content_of(undisturbed);

  ASSERT_EQ(program.run({"import", receipts}).status, 0);
  EXPECT_GT(program.run_and_kill({"run"}, 20, 20), 0) << "some were killed before their end";
  const auto last = program.run({"run"});
  ASSERT_EQ(last.status, 0) << last.err;
  EXPECT_EQ(content_of(program), expected);
}

TEST_F(ProgramTest, TwoRunsAtOnceComeToTheSameContent) {
  const std::string receipts = sample_file(folder, 8);
  const Program alone(folder.path(), folder / "alone");
  ASSERT_EQ(alone.run({"import", receipts}).status, 0);
  ASSERT_EQ(alone.run({"run"}).status, 0);
  ASSERT_EQ(program.run({"import", receipts}).status, 0);
  const pid_t first = program.start({"run"}, "first");
  const pid_t second = program.start({"run"}, "second");
  const auto first_ended = program.wait(first, "first");
  const auto second_ended = program.wait(second, "second");
  EXPECT_EQ(first_ended.status, 0) << first_ended.err;
  EXPECT_EQ(second_ended.status, 0) << second_ended.err;
  EXPECT_EQ(content_of(program), content_of(alone));
}

TEST_F(ProgramTest, CtrlCStopsItCleanlyAndRunGoesOnLater) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 12)}).status, 0);
  const pid_t child = program.start({"run"});
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  ::kill(child, SIGINT);
  EXPECT_EQ(program.wait(child).status, 130);
  ASSERT_EQ(program.run({"run"}).status, 0);
  EXPECT_EQ(content_of(program)["receipt_lines"]["adds_up"], true);
}

TEST_F(ProgramTest, BadReceiptsAreListedAndTheGoodOnesGoIn) {
  const Path file = folder / "mixed.jsonl";
  ASSERT_TRUE(
      replace_file(file, as_bytes("{broken\n" + to_text(receipt_json(sample_receipt(1, 0))) + "\n{\"image_id\":7}\n")));
  const auto imported = program.run({"--json", "import", file});
  EXPECT_EQ(imported.status, 3);
  EXPECT_EQ(imported.json().at("receipts"), 1);
  ASSERT_EQ(imported.json().at("bad"), 2);
  EXPECT_EQ(imported.json().at("bad_receipts")[0].at("line"), 1);
  EXPECT_EQ(imported.json().at("bad_receipts")[1].at("field"), "image_id");
}

TEST_F(ProgramTest, ADryRunWritesNothing) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 1)}).status, 0);
  const Json before = content_of(program);
  ASSERT_EQ(program.run({"import", "--dry-run", sample_file(folder, 2, 1)}).status, 0);
  EXPECT_EQ(content_of(program), before);
}

TEST_F(ProgramTest, AFolderThatIsNoHomeIsRefusedAndLeftAlone) {
  ASSERT_TRUE(make_folders(home));
  ASSERT_TRUE(replace_file(home / "letter.txt", as_bytes("dear")));
  const auto refused = program.run({"import", sample_file(folder, 1)});
  EXPECT_EQ(refused.status, 4);
  EXPECT_NE(refused.err.find("is no home of Tillite"), std::string::npos) << refused.err;
  EXPECT_FALSE(std::filesystem::exists(home / "table.sqlite3"));
}

TEST_F(ProgramTest, AHomeOfANewerVersionIsRefused) {
  ASSERT_TRUE(make_folders(home));
  ASSERT_TRUE(replace_file(home / "tillite.json", as_bytes("{\"format\": 2}")));
  const auto refused = program.run({"status"});
  EXPECT_EQ(refused.status, 13);
  EXPECT_NE(refused.err.find("newer version"), std::string::npos) << refused.err;
}

TEST_F(ProgramTest, AMissingHomeIsNamed) {
  const auto refused = program.run({"status"});
  EXPECT_EQ(refused.status, 5);
  EXPECT_NE(refused.err.find(home.string()), std::string::npos) << refused.err;
}

TEST_F(ProgramTest, MistakesOnTheCommandLineHaveTheirOwnStatus) {
  EXPECT_EQ(program.run({"frobnicate"}).status, 2);
  EXPECT_EQ(program.run({}).status, 2);
  EXPECT_EQ(program.run({"run", "--entity", "page"}).status, 2);
  EXPECT_EQ(program.run({"--version"}).status, 0);
  for (const char* command : {"sample", "import", "run", "delete", "status", "query", "get", "snapshot", "compact",
                              "backup", "workflow", "gc"}) {
    const auto help = program.run({command, "--help"});
    EXPECT_EQ(help.status, 0) << command;
    EXPECT_NE(help.out.find("Example: tillite"), std::string::npos) << command;
  }
}

TEST_F(ProgramTest, SingleExecutionsAreKeptWithTheirHistory) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 1)}).status, 0);
  const auto started =
      program.run({"--json", "workflow", "start", "create-batches-sf", "--input", "{\"max_concurrency\":1}"});
  ASSERT_EQ(started.status, 0) << started.err;
  const std::string id = started.json().at("execution_id");
  EXPECT_EQ(program.run({"--json", "workflow", "describe", id}).json().at("status"), "SUCCEEDED");
  const auto history = program.run({"--json", "workflow", "history", id}).json();
  EXPECT_EQ(history.at("events").front().at("type"), "ExecutionStarted");
  EXPECT_EQ(history.at("events").back().at("type"), "ExecutionSucceeded");
  EXPECT_EQ(program.run({"--json", "workflow", "list"}).json().at("executions").size(), 1U);
  EXPECT_EQ(program.run({"workflow", "start", "no-such-machine"}).status, 5);
}

TEST_F(ProgramTest, ABackupIsAHomeWithTheSameContent) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 3)}).status, 0);
  ASSERT_EQ(program.run({"run"}).status, 0);
  ASSERT_EQ(program.run({"backup", (folder / "copy").string()}).status, 0);
  EXPECT_EQ(content_of(Program(folder.path(), folder / "copy")), content_of(program));
  EXPECT_EQ(program.run({"backup", (folder / "copy").string()}).status, 6);
}

TEST_F(ProgramTest, GcRemovesWhatNoVersionNeedsAndNothingElse) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 3)}).status, 0);
  ASSERT_EQ(program.run({"run"}).status, 0);
  const Json before = content_of(program);
  const auto collected = program.run({"--json", "gc", "--keep-hours", "0"});
  ASSERT_EQ(collected.status, 0) << collected.err;
  EXPECT_GT(collected.json().at("collections")[0].at("deltas"), 0);
  EXPECT_EQ(content_of(program), before);
  EXPECT_EQ(program.run({"query", "TOTAL"}).status, 0);
  EXPECT_EQ(program.run({"run"}).status, 0);
}

}  // namespace
}  // namespace tillite::testing
