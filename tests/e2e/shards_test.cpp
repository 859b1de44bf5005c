#include <gtest/gtest.h>
#include <signal.h>
#include <tillite/collection.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <thread>

#include "receipts/receipt_reader.h"
#include "receipts/sample.h"
#include "served_collection.h"
#include "support/sample_home.h"

// A home of several shards, as a user meets it: all that one shard does, and a Chroma directory for each of them.

namespace tillite::testing {
namespace {

constexpr int kReceipts = 8;

class ShardsProgram : public ::testing::Test {
 protected:
  /// A home of two shards with all receipts published.
  void run_two_shards() {
    ASSERT_EQ(program.run({"import", "--shards", "2", receipts}).status, 0);
    const auto run = program.run({"run"});
    ASSERT_EQ(run.status, 0) << run.err;
  }
  std::string export_lines() {
    const std::string target = folder / "export";
    const auto exported = program.run({"snapshot", "export", "receipt_lines", target});
    EXPECT_EQ(exported.status, 0) << exported.err;
    EXPECT_NE(exported.out.find("shard-1-of-2"), std::string::npos) << exported.out;
    return target;
  }
  static std::vector<std::string> shards_of(const std::string& target) {
    return {target + "/shard-0-of-2", target + "/shard-1-of-2"};
  }
  static std::int64_t newest_version(const Program& program) {
    const Json listed = program.run({"--json", "snapshot", "list"}).json();
    std::int64_t newest = 0;
    for (const Json& snapshot : listed.at("snapshots")) {
      if (snapshot.at("collection") == "receipt_lines") newest = snapshot.at("version").get<std::int64_t>();
    }
    return newest;
  }

  TempFolder folder;
  std::string receipts = sample_file(folder, kReceipts);
  Program program{folder.path(), folder / "home"};
  Program single{folder.path(), folder / "single"};
};

TEST_F(ShardsProgram, ComeToTheContentOfASingleShardAndAnswerAlike) {
  run_two_shards();
  ASSERT_EQ(single.run({"import", receipts}).status, 0);
  ASSERT_EQ(single.run({"run"}).status, 0);
  EXPECT_EQ(content_of(program), content_of(single));
  const auto hits_of = [](const Program& of) {
    const auto query = of.run({"--json", "query", "oat milk 1L", "-k", "3", "--where", R"({"receipt_id": 1})"});
    EXPECT_EQ(query.status, 0) << query.err;
    return query.json().at("hits");
  };
  EXPECT_EQ(hits_of(program).size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(hits_of(program)[i].at("distance"), hits_of(single)[i].at("distance"));
  }
  EXPECT_NE(program.run({"status"}).out.find("in 2 shards"), std::string::npos);
  EXPECT_EQ(program.run({"snapshot", "verify", "receipt_lines"}).status, 0);
}

TEST_F(ShardsProgram, ADeletedReceiptGoesAndComesBackOnlyWhereItIsTheOlderContent) {
  run_two_shards();
  const std::int64_t version = newest_version(program);
  const Receipt receipt = sample_receipt(1, 0);
  const std::string id = line_record_id(receipt.image_id, 1, 1).str();
  ASSERT_EQ(program.run({"get", id}).status, 0);
  ASSERT_EQ(program.run({"delete", "--receipt", receipt.image_id.str(), "1"}).status, 0);
  EXPECT_EQ(program.run({"get", id}).status, 3);
  ASSERT_EQ(program.run({"run"}).status, 0);
  EXPECT_EQ(program.run({"get", id}).status, 3);
  const auto rolled_back = program.run({"snapshot", "rollback", std::to_string(version), "receipt_lines"});
  ASSERT_EQ(rolled_back.status, 0) << rolled_back.err;
  EXPECT_EQ(program.run({"get", id}).status, 3) << "what was removed is told again";
  EXPECT_EQ(program.run({"gc", "--keep-hours", "0"}).status, 0);
  EXPECT_EQ(program.run({"snapshot", "verify", "receipt_lines"}).status, 0);
  EXPECT_EQ(program.run({"status"}).status, 0);
}

TEST_F(ShardsProgram, AnotherNumberChangesNothingButSaysHowToGetIt) {
  run_two_shards();
  const Json before = content_of(program);
  const auto run = program.run({"run", "--shards", "3"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_NE(run.out.find("3 shards instead of 2"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("tillite generations start --collection receipt_lines"), std::string::npos) << run.out;
  EXPECT_EQ(content_of(program), before);
  EXPECT_EQ(program.run({"run", "--shards", "65"}).status, 2);
}

TEST_F(ShardsProgram, TheLibraryReadsTheHomeAndTheExportAsOneCollection) {
  run_two_shards();
  const std::string target = export_lines();
  const auto home = v1::Collection::open_home(folder / "home", "receipt_lines");
  const auto exported = v1::Collection::open_export(target, v1::kLocalModel);
  EXPECT_EQ(exported.size(), home.size());
  v1::QueryOptions options;
  options.k = 20;
  const auto of_home = home.query("TOTAL", options);
  const auto of_export = exported.query("TOTAL", options);
  ASSERT_EQ(of_export.size(), of_home.size());
  for (std::size_t i = 0; i < of_home.size(); ++i) {
    EXPECT_EQ(of_export[i].record.id, of_home[i].record.id);
    EXPECT_EQ(of_export[i].distance, of_home[i].distance);
    EXPECT_EQ(exported.get({of_home[i].record.id}).size(), 1U);
  }
  const auto part = v1::Collection::open_export(shards_of(target)[0], v1::kLocalModel);
  EXPECT_LT(part.size(), home.size());
}

TEST_F(ShardsProgram, AnExportIsCheckedMendedAndImportedShardByShard) {
  run_two_shards();
  const std::string target = export_lines();
  EXPECT_EQ(program.run({"snapshot", "verify", target}).status, 0);
  std::size_t pickles = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shards_of(target)[1])) {
    if (!entry.is_directory()) continue;
    ASSERT_TRUE(replace_file(entry.path() / "index_metadata.pickle", as_bytes("torn")));
    ++pickles;
  }
  ASSERT_EQ(pickles, 1U);
  const auto found = program.run({"snapshot", "verify", target});
  EXPECT_EQ(found.status, 10);
  EXPECT_NE(found.out.find("shard-1-of-2/"), std::string::npos) << found.out;
  const std::string mended = folder / "mended";
  const auto repaired = program.run({"snapshot", "repair", target, "--to", mended});
  ASSERT_EQ(repaired.status, 0) << repaired.err;
  EXPECT_EQ(program.run({"snapshot", "verify", mended}).status, 0);

  const auto imported = single.run({"--json", "snapshot", "import", mended});
  ASSERT_EQ(imported.status, 0) << imported.err;
  EXPECT_EQ(imported.json().at("added"), content_of(program)["receipt_lines"]["snapshot_vectors"]);
}

TEST_F(ShardsProgram, ARealChromaOpensEachShard) {
  if (!ChromaServer::available()) GTEST_SKIP() << ChromaServer::how_to_get();
  run_two_shards();
  const auto home = v1::Collection::open_home(folder / "home", "receipt_lines");
  const auto wanted = home.query("TOTAL");
  std::set<std::string> ids;
  std::size_t count = 0;
  for (const std::string& shard : shards_of(export_lines())) {
    ServedCollection served(shard, Entity::line);
    const auto in_shard = served.ids(Json::object());
    EXPECT_EQ(served.count(), in_shard.size());
    EXPECT_GT(in_shard.size(), 0U);
    count += in_shard.size();
    ids.insert(in_shard.begin(), in_shard.end());
    for (const auto& hit : wanted) {
      if (!in_shard.contains(hit.record.id)) continue;
      const auto vector = home.get({hit.record.id}, true).at(0).vector;
      EXPECT_NEAR(served.nearest_ten({vector}).at(0).distances.at(0), 0, 1e-5);
    }
  }
  EXPECT_EQ(ids.size(), home.size());
  EXPECT_EQ(count, home.size()) << "no record is in two shards";
}

TEST_F(ShardsProgram, KilledAtAnyMomentComeToTheSameContent) {
  ASSERT_EQ(single.run({"import", receipts}).status, 0);
  ASSERT_EQ(single.run({"run"}).status, 0);
  ASSERT_EQ(program.run({"import", "--shards", "4", receipts}).status, 0);
  EXPECT_GT(program.run_and_kill({"run"}, 10, 20), 0) << "some were killed before their end";
  const auto last = program.run({"run"});
  ASSERT_EQ(last.status, 0) << last.err;
  EXPECT_EQ(content_of(program), content_of(single));
}

}  // namespace
}  // namespace tillite::testing
