// generations, as a user meets them.
#include <gtest/gtest.h>

#include "e2e/openai_home.h"
#include "support/program.h"
#include "support/sample_home.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

class GenerationsProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(program.run({"import", sample_file(folder, 5)}).status, 0);
    ASSERT_EQ(program.run({"run"}).status, 0);
  }
  /// What `generations` says of one.
  Json generation(const std::string& collection, int number) {
    const auto listed = program.run({"--json", "generations"});
    EXPECT_EQ(listed.status, 0) << listed.err;
    const Json json = listed.json();
    for (const Json& one : json.at("generations")) {
      if (one.at("collection") == collection && one.at("generation") == number) return one;
    }
    return nullptr;
  }
  std::size_t dimensions_of_a_hit() {
    const auto query = program.run({"--json", "query", "TOTAL", "-k", "1"});
    EXPECT_EQ(query.status, 0) << query.err;
    return dimensions_of(query.json().at("hits")[0].at("id"));
  }
  std::size_t dimensions_of(const std::string& id) {
    return program.run({"--json", "get", id}).json().at("records")[0].at("embedding").size();
  }

  TempFolder folder;
  Program program{folder.path(), folder / "home"};
};

TEST_F(GenerationsProgram, BringACollectionToOtherDimensions) {
  EXPECT_EQ(dimensions_of_a_hit(), 1536U);
  const auto started = program.run({"generations", "start", "--dimensions", "64"});
  ASSERT_EQ(started.status, 0) << started.err;
  EXPECT_NE(started.out.find("started generation 2 of receipt_words"), std::string::npos) << started.out;
  EXPECT_EQ(generation("receipt_lines", 2).at("state"), "building");
  EXPECT_EQ(dimensions_of_a_hit(), 1536U) << "the old one is served";
  const auto run = program.run({"run"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(dimensions_of_a_hit(), 64U);
  for (const char* const collection : {"receipt_lines", "receipt_words"}) {
    EXPECT_EQ(generation(collection, 1).at("state"), "retired");
    EXPECT_EQ(generation(collection, 2).at("state"), "active");
    EXPECT_EQ(generation(collection, 2).at("vectors"), generation(collection, 1).at("vectors"));
  }
  EXPECT_EQ(program.run({"status"}).status, 0);
  EXPECT_EQ(program.run({"snapshot", "verify", "receipt_lines"}).status, 0);
  EXPECT_EQ(program.run({"gc", "--keep-hours", "0"}).status, 0);
  EXPECT_EQ(generation("receipt_lines", 1).at("state"), "removed");
  EXPECT_NE(program.run({"run"}).out.find("nothing to do"), std::string::npos);
}

TEST_F(GenerationsProgram, ChangeTheFormatOfTheCollectionThatHasIt) {
  ASSERT_EQ(program.run({"generations", "start", "--format", "line/rows/1"}).status, 0);
  EXPECT_EQ(generation("receipt_words", 2), nullptr);
  const auto run = program.run({"run"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(generation("receipt_lines", 2).at("binding").at("input_format"), "line/rows/1");
  EXPECT_EQ(generation("receipt_lines", 2).at("state"), "active");
  const auto again = program.run({"--json", "import", sample_file(folder, 5)});
  EXPECT_EQ(again.json().at("unchanged"), 5) << again.out;
}

TEST_F(GenerationsProgram, SayWhatTheyNeedAndStartNothingInADryRun) {
  const auto dry = program.run({"--json", "generations", "start", "--dimensions", "64", "--dry-run"});
  ASSERT_EQ(dry.status, 0) << dry.err;
  const Json needs = dry.json().at("started")[0].at("needs");
  EXPECT_GT(needs.at("texts").get<int>(), 0);
  EXPECT_GT(needs.at("tokens").get<int>(), needs.at("texts").get<int>());
  EXPECT_EQ(needs.at("dollars"), 0);
  EXPECT_EQ(generation("receipt_lines", 2), nullptr);
}

TEST_F(GenerationsProgram, ArePartOfThePlanUntilTheirBatchesAreOnTheirWay) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 2, 5)}).status, 0);
  const auto before = program.run({"--json", "plan", "--entity", "line"});
  ASSERT_EQ(before.json().at("entities").size(), 1U) << before.out;
  EXPECT_EQ(before.json().at("entities")[0].at("building"), nullptr);

  ASSERT_EQ(program.run({"generations", "start", "--collection", "receipt_lines", "--dimensions", "64"}).status, 0);
  const auto planned = program.run({"--json", "plan", "--entity", "line"});
  ASSERT_EQ(planned.status, 0) << planned.err;
  ASSERT_EQ(planned.json().at("entities").size(), 2U) << planned.out;
  const Json active = planned.json().at("entities")[0];
  const Json building = planned.json().at("entities")[1];
  EXPECT_EQ(active, before.json().at("entities")[0]) << "what is new waits as before";
  EXPECT_EQ(building.at("collection"), "receipt_lines");
  EXPECT_EQ(building.at("building"), 2);
  EXPECT_EQ(building.at("items"), generation("receipt_lines", 1).at("vectors"));
  EXPECT_GT(building.at("tokens"), 0);
  EXPECT_EQ(planned.json().at("tokens"), active.at("tokens").get<int>() + building.at("tokens").get<int>());
  const auto read = program.run({"plan", "--entity", "line"});
  EXPECT_NE(read.out.find("receipt_lines, generation 2 that is being built"), std::string::npos) << read.out;

  ASSERT_EQ(program.run({"workflow", "start", "create-batches-sf"}).status, 0);
  const auto under_way = program.run({"--json", "plan", "--entity", "line"});
  ASSERT_EQ(under_way.json().at("entities").size(), 2U) << under_way.out;
  EXPECT_EQ(under_way.json().at("entities")[1].at("building"), 2);
  EXPECT_EQ(under_way.json().at("tokens"), 0) << under_way.out;

  ASSERT_EQ(program.run({"run"}).status, 0);
  const auto after = program.run({"--json", "plan", "--entity", "line"});
  ASSERT_EQ(after.json().at("entities").size(), 1U) << after.out;
  EXPECT_EQ(after.json().at("tokens"), 0);
}

TEST_F(GenerationsProgram, BringACollectionFromTheLocalEmbedderToOpenAi) {
  OpenAiEmulator openai(folder.path(), {});
  const Program with_openai(folder.path(), folder / "home", openai.environment());
  const auto started =
      with_openai.run({"generations", "start", "--collection", "receipt_lines", "--model", "text-embedding-3-small"});
  ASSERT_EQ(started.status, 0) << started.err;
  ASSERT_EQ(program.run({"import", sample_file(folder, 2, 5)}).status, 0);
  const auto planned = with_openai.run({"--json", "plan", "--entity", "line"});
  ASSERT_EQ(planned.status, 0) << planned.err;
  EXPECT_GT(planned.json().at("cost_usd"), 0) << "the generation that is being built costs money";
  const auto run = with_openai.run({"run"});
  ASSERT_EQ(run.status, 0) << run.err;

  const Json active = generation("receipt_lines", 2);
  EXPECT_EQ(active.at("state"), "active");
  EXPECT_EQ(active.at("binding").at("model"), "text-embedding-3-small");
  EXPECT_EQ(generation("receipt_words", 2), nullptr) << "the words stay with the local embedder";
  const Json content = content_of(program);
  for (const auto& [collection, facts] : content.items()) {
    EXPECT_EQ(facts.at("adds_up"), true) << collection;
    EXPECT_EQ(facts.at("published").get<int>() + facts.at("noise").get<int>(), facts.at("found")) << collection;
    EXPECT_EQ(facts.at("snapshot_vectors"), facts.at("published")) << collection;
  }
  const auto query = with_openai.run({"--json", "query", "TOTAL", "-k", "1"});
  ASSERT_EQ(query.status, 0) << query.err;
  EXPECT_EQ(query.json().at("hits")[0].at("document"), "TOTAL");
  EXPECT_NEAR(query.json().at("hits")[0].at("distance").get<double>(), 0, 1e-5);
  EXPECT_GT(openai.stats().at("batches").at("created"), 0);
  EXPECT_EQ(openai.stats().at("paid").at("requests_more_than_once"), 0);
}

TEST_F(GenerationsProgram, AreCancelledAndResumed) {
  ASSERT_EQ(program.run({"generations", "start", "--collection", "receipt_lines", "--dimensions", "64"}).status, 0);
  ASSERT_EQ(program.run({"generations", "cancel", "2"}).status, 0);
  EXPECT_EQ(generation("receipt_lines", 2).at("state"), "cancelled");
  ASSERT_EQ(program.run({"run"}).status, 0);
  EXPECT_EQ(dimensions_of_a_hit(), 1536U);
  EXPECT_EQ(program.run({"generations", "cancel", "2"}).status, 6) << "it is not being built";
  ASSERT_EQ(program.run({"generations", "resume", "2"}).status, 0);
  ASSERT_EQ(program.run({"run"}).status, 0);
  EXPECT_EQ(dimensions_of_a_hit(), 64U);
}

TEST_F(GenerationsProgram, AreWhatASettingAsksForThatTheCollectionIsNot) {
  ::setenv("EMBEDDING_DIMENSIONS", "64", 1);
  const auto run = program.run({"run"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_NE(run.out.find("64 dimensions instead of 1536"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("tillite generations start --collection receipt_lines"), std::string::npos) << run.out;
  EXPECT_EQ(dimensions_of_a_hit(), 1536U);
  EXPECT_EQ(program.run({"generations", "start"}).status, 0) << "it takes what the settings ask for";
  ::unsetenv("EMBEDDING_DIMENSIONS");
  ASSERT_EQ(program.run({"run"}).status, 0);
  EXPECT_EQ(dimensions_of_a_hit(), 64U);
}

TEST_F(GenerationsProgram, NameWhatIsWrongWithAnOrder) {
  EXPECT_EQ(program.run({"generations", "start"}).status, 4) << "nothing would change";
  EXPECT_EQ(program.run({"generations", "start", "--format", "line/poem/1"}).status, 4);
  EXPECT_EQ(program.run({"generations", "start", "--collection", "receipt_words", "--format", "line/rows/1"}).status,
            4);
  EXPECT_EQ(program.run({"generations", "start", "--dimensions", "0"}).status, 2);
  EXPECT_EQ(program.run({"generations", "resume", "7"}).status, 5);
  EXPECT_EQ(program.run({"generations", "cancel", "1"}).status, 4) << "both collections have it";
  EXPECT_EQ(program.run({"generations", "cancel", "1", "--collection", "receipt_lines"}).status, 6);
}

}  // namespace
}  // namespace tillite::testing
