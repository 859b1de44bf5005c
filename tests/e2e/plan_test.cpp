// plan and run --budget, as a user meets them.
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/sample_home.h"

namespace tillite::testing {
namespace {

class PlanTest : public ::testing::Test {
 protected:
  void set(const char* name, const char* value) {
    ::setenv(name, value, 1);
    set_.emplace_back(name);
  }
  void TearDown() override {
    for (const std::string& name : set_) ::unsetenv(name.c_str());
  }
  Json plan() {
    const auto outcome = program.run({"--json", "plan"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.json();
  }

  TempFolder folder;
  Program program{folder.path(), folder / "home"};
  std::vector<std::string> set_;
};

TEST_F(PlanTest, TellsWhatTheRunThenSends) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 10)}).status, 0);
  set("EMBEDDING_PRICE_PER_MILLION", "2.00");
  const Json planned = plan();
  EXPECT_GT(planned.at("tokens_saved"), 0) << "receipts repeat themselves";
  const auto run = program.run({"--json", "run"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.json().at("tokens_sent"), planned.at("tokens"));
  EXPECT_EQ(run.json().at("batches_submitted"), planned.at("batches"));
  EXPECT_EQ(run.json().at("items_expected"), planned.at("items_to_embed"));
  EXPECT_EQ(run.json().at("items_embedded"), planned.at("items_to_embed"));
  EXPECT_NEAR(run.json().at("cost_usd").get<double>(), planned.at("tokens").get<double>() * 1e-6, 1e-6);
  EXPECT_EQ(plan().at("tokens"), 0) << "nothing is left";
}

TEST_F(PlanTest, IsReadByPeopleToo) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 2)}).status, 0);
  set("EMBEDDING_PRICE_PER_MILLION", "2.00");
  const auto planned = program.run({"plan", "--entity", "line"});
  EXPECT_EQ(planned.status, 0);
  for (const char* part : {"receipt_lines", "different texts", "to send", "USD", "at most 24 hours"}) {
    EXPECT_NE(planned.out.find(part), std::string::npos) << part << "\n" << planned.out;
  }
  EXPECT_EQ(planned.out.find("receipt_words"), std::string::npos);
}

TEST_F(PlanTest, TellsWhatAwsWouldBillIfItIsAsked) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 2)}).status, 0);
  EXPECT_FALSE(plan().contains("aws"));
  const auto asked = program.run({"--json", "plan", "--aws"});
  ASSERT_EQ(asked.status, 0) << asked.err;
  const Json aws = asked.json().at("aws");
  EXPECT_EQ(aws.at("region"), "us-east-1");
  EXPECT_GT(aws.at("cost_usd"), 0);
  double sum = 0;
  for (const Json& charge : aws.at("charges")) sum += charge.at("cost_usd").get<double>();
  EXPECT_NEAR(sum, aws.at("cost_usd").get<double>(), 1e-9);
  const auto read = program.run({"plan", "--aws"});
  for (const char* part : {"on AWS", "function GB seconds", "table write units", "USD a month"}) {
    EXPECT_NE(read.out.find(part), std::string::npos) << part << "\n" << read.out;
  }
}

TEST_F(PlanTest, ARunBeyondItsBudgetDoesNothingAndHasAStatusOfItsOwn) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 3)}).status, 0);
  set("EMBEDDING_PRICE_PER_MILLION", "2.00");
  const std::uint64_t tokens = plan().at("tokens");
  const auto refused = program.run({"--json", "run", "--budget", std::to_string(tokens - 1)});
  EXPECT_EQ(refused.status, 18);
  EXPECT_EQ(refused.json().at("plan").at("tokens"), tokens);
  EXPECT_NE(refused.json().at("refused").get<std::string>().find("tokens"), std::string::npos);
  EXPECT_EQ(program.run({"run", "--budget", "0.000001USD"}).status, 18);
  EXPECT_EQ(plan().at("tokens"), tokens) << "nothing was done";
  EXPECT_EQ(program.run({"run", "--budget", std::to_string(tokens)}).status, 0);
  EXPECT_EQ(program.run({"run", "--budget", "0"}).status, 0) << "a run without anything to send costs nothing";
}

TEST_F(PlanTest, ABudgetThatIsNoneIsAMistakeOnTheCommandLine) {
  const auto mistake = program.run({"run", "--budget", "cheap"});
  EXPECT_EQ(mistake.status, 2);
  EXPECT_NE(mistake.err.find("--budget takes"), std::string::npos) << mistake.err;
}

TEST_F(PlanTest, WithALimitOfEnqueuedTokensARunComesToTheSameContentInSeveralRounds) {
  const std::string receipts = sample_file(folder, 4);
  const Program unlimited(folder.path(), folder / "unlimited");
  ASSERT_EQ(unlimited.run({"import", receipts}).status, 0);
  ASSERT_EQ(unlimited.run({"run", "--entity", "line"}).status, 0);
  ASSERT_EQ(program.run({"import", receipts}).status, 0);
  set("OPENAI_ENQUEUED_TOKENS_MAX", "150");
  set("BATCH_TOKENS_MAX", "100");
  const auto planned = program.run({"--json", "plan", "--entity", "line"});
  EXPECT_GT(planned.json().at("rounds"), 1) << planned.out;
  const auto run = program.run({"--json", "run", "--entity", "line"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(content_of(program)["receipt_lines"], content_of(unlimited)["receipt_lines"]);
}

TEST_F(PlanTest, TextsThatAreRefusedAreListedWithTheirReasons) {
  ASSERT_EQ(program.run({"import", sample_file(folder, 2)}).status, 0);
  set("EMBEDDING_INPUT_TOKENS_MAX", "3");
  set("EMBEDDING_TOO_LONG", "refuse");
  const Json planned = plan();
  EXPECT_GT(planned.at("entities")[0].at("texts_refused"), 0);
  const auto run = program.run({"--json", "run"});
  EXPECT_EQ(run.status, 3);
  ASSERT_FALSE(run.json().at("failed_items").empty());
  EXPECT_NE(run.json().at("failed_items")[0].at("reason").get<std::string>().find("too_long"), std::string::npos);
}

}  // namespace
}  // namespace tillite::testing
