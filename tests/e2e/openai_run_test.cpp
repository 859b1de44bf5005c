// The whole job with OpenAI's API: against the emulator of it, over HTTP, as two programs.
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/child_process.h"
#include "support/must.h"
#include "support/sample_home.h"

namespace tillite::testing {
namespace {

constexpr const char* kKey = "sk-e2e-0123456789abcdefghij";

class OpenAiRunTest : public ::testing::Test {
 protected:
  OpenAiRunTest() {
    for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "OPENAI_ORG_ID",
                             "OPENAI_PROJECT_ID", "EMBEDDING_MODEL"}) {
      ::unsetenv(name);
    }
    ::setenv("OPENAI_API_KEY", kKey, 1);
  }
  ~OpenAiRunTest() override {
    for (const char* name : {"OPENAI_API_KEY", "OPENAI_BASE_URL"}) ::unsetenv(name);
  }

  /// Starts the emulator, and leads the program there.
  void serve(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {
        TILLITE_PROGRAM, "openai-emulator", "--port", "0", "--folder", (folder / "emulator").string(), "--latency",
        "20ms",          "--api-key",       kKey};
    words.insert(words.end(), more.begin(), more.end());
    emulator.emplace(must(ChildProcess::start({.words = words, .environment = {}, .log = folder / "emulator.log"})));
    const std::string line = must(emulator->read_line(std::chrono::seconds(30)));
    constexpr std::string_view before = "export OPENAI_BASE_URL=";
    ASSERT_TRUE(line.starts_with(before)) << line;
    ::setenv("OPENAI_BASE_URL", line.substr(before.size()).c_str(), 1);
  }
  void import(int receipts) { ASSERT_EQ(program.run({"import", sample_file(folder, receipts)}).status, 0); }
  /// Everything that was found is published.
  void expect_all_published() {
    const Json content = content_of(program);
    for (const auto& [collection, facts] : content.items()) {
      EXPECT_EQ(facts.at("adds_up"), true) << collection;
      EXPECT_GT(facts.at("published").get<int>(), 0) << collection;
      EXPECT_EQ(facts.at("found").get<int>(), facts.at("noise").get<int>() + facts.at("published").get<int>())
          << collection;
    }
  }

  TempFolder folder;
  Program program{folder.path(), folder / "home"};
  std::optional<ChildProcess> emulator;
};

TEST_F(OpenAiRunTest, TakesReceiptsToPublishedVectorsAndFindsThem) {
  serve();
  import(4);
  const auto run = program.run({"--json", "run"});
  ASSERT_EQ(run.status, 0) << run.err;
  expect_all_published();
  const auto query = program.run({"--json", "query", "TOTAL", "-k", "1"});
  ASSERT_EQ(query.status, 0) << query.err;
  EXPECT_EQ(query.json().at("hits").at(0).at("document"), "TOTAL");
  EXPECT_NEAR(query.json().at("hits").at(0).at("distance").get<double>(), 0, 1e-5);
}

TEST_F(OpenAiRunTest, WhatIsPublishedNeedsNeitherKeyNorNetwork) {
  serve();
  import(2);
  ASSERT_EQ(program.run({"run"}).status, 0);
  ASSERT_EQ(program.run({"query", "TOTAL"}).status, 0);
  emulator.reset();
  for (const char* name : {"OPENAI_API_KEY", "OPENAI_BASE_URL"}) ::unsetenv(name);
  const std::string id = line_record_id(sample_receipt(1, 0).image_id, 1, 1).str();
  for (const std::vector<std::string>& command : {std::vector<std::string>{"status"},
                                                  {"get", id},
                                                  {"snapshot", "list"},
                                                  {"snapshot", "verify", "receipt_lines"},
                                                  {"snapshot", "export", "receipt_lines", (folder / "export").string()},
                                                  {"queue", "list"},
                                                  {"gc"}}) {
    const auto outcome = program.run(command);
    EXPECT_EQ(outcome.status, 0) << command.front() << ": " << outcome.err;
  }
  EXPECT_EQ(program.run({"query", "TOTAL"}).status, 0) << "a query that was made before has its vector kept";
  const auto refused = program.run({"query", "something else"});
  EXPECT_EQ(refused.status, 14);
  EXPECT_NE(refused.err.find("set OPENAI_API_KEY"), std::string::npos) << refused.err;
}

TEST_F(OpenAiRunTest, AHomeOfTheLocalEmbedderStaysItsOwn) {
  for (const char* name : {"OPENAI_API_KEY", "OPENAI_BASE_URL"}) ::unsetenv(name);
  import(2);
  ASSERT_EQ(program.run({"run"}).status, 0);
  ::setenv("OPENAI_API_KEY", kKey, 1);
  ::setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1", 1);
  ASSERT_EQ(program.run({"import", sample_file(folder, 1, 2)}).status, 0);
  const auto run = program.run({"run"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(program.run({"query", "TOTAL"}).status, 0);
  expect_all_published();
}

TEST_F(OpenAiRunTest, ComesToItsEndWhateverTheServerDoes) {
  serve({"--faults", "429=0.05,5xx=0.05,cut=0.05,cut-body=0.2", "--seed", "7"});
  import(4);
  ::setenv("BATCH_ITEMS_MAX", "20", 1);
  const auto run = program.run({"run"});
  ::unsetenv("BATCH_ITEMS_MAX");
  ASSERT_EQ(run.status, 0) << run.err;
  expect_all_published();
}

TEST_F(OpenAiRunTest, AWrongKeyChangesNothingAndIsNeverShown) {
  serve();
  import(2);
  constexpr const char* kWrong = "sk-wrong-abcdefghij0123456789";
  ::setenv("OPENAI_API_KEY", kWrong, 1);
  const auto refused = program.run({"-v", "--log-level", "DEBUG", "run"});
  EXPECT_EQ(refused.status, 14);
  EXPECT_NE(refused.err.find("OPENAI_API_KEY"), std::string::npos) << refused.err;
  EXPECT_EQ((refused.err + refused.out).find("abcdefghij"), std::string::npos) << refused.err;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "home")) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(must(read_file(entry.path())).find("abcdefghij0123456789"), std::string::npos) << entry.path();
  }
  ::setenv("OPENAI_API_KEY", kKey, 1);
  const auto run = program.run({"run"});
  EXPECT_EQ(run.status, 0) << run.err;
  expect_all_published();
}

}  // namespace
}  // namespace tillite::testing
