#include "steps/batches/failed_items.h"

#include <gtest/gtest.h>

#include "support/pipeline.h"

namespace tillite::testing {
namespace {

class FailedItems : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"});

  /// All lines fail as often as they may.
  void SetUp() override {
    pipeline.import(receipt);
    pipeline.scripted.end_all(ProviderStatus::failed, std::nullopt, std::nullopt, "invalid_input_file");
    for (auto batches = pipeline.submit_all(); !batches.empty(); batches = pipeline.submit_all()) {
      pipeline.poll(batches.front());
    }
    ASSERT_EQ(pipeline.census().failed, 3U);
    pipeline.scripted.say_what_is_true();
  }
  std::string status(int line) { return pipeline.row(line_of(receipt, line)).value("embedding_status", ""); }
};

TEST_F(FailedItems, AreListedWithTextReasonAndAttempts) {
  const auto failed = must(failed_items(Entity::line, 2, *pipeline.table));
  ASSERT_EQ(failed.size(), 2U);
  EXPECT_EQ(failed[0].id, line_of(receipt, 1));
  EXPECT_EQ(failed[0].text, "MILK 1.29");
  EXPECT_NE(failed[0].reason.find("invalid_input_file"), std::string::npos) << failed[0].reason;
  EXPECT_EQ(failed[0].attempts, 3);
  EXPECT_EQ(must(failed_items(Entity::line, 100, *pipeline.table)).size(), 3U);
  EXPECT_TRUE(must(failed_items(Entity::word, 100, *pipeline.table)).empty());
}

TEST_F(FailedItems, ThatAreReleasedHaveAllTheirAttemptsAgain) {
  const std::vector ids = {line_of(receipt, 2), line_of(receipt, 9), line_of(receipt, 2)};
  EXPECT_EQ(must(retry_items(ids, *pipeline.table)), (std::vector<bool>{true, false, false}));
  EXPECT_TRUE(pipeline.row(line_of(receipt, 9)).empty()) << "nothing is made of an id that is none";
  const Item row = pipeline.row(line_of(receipt, 2));
  EXPECT_EQ(row.at("embedding_status"), "NONE");
  EXPECT_EQ(row.at("attempts"), 0);
  EXPECT_FALSE(row.contains("failure_reason"));
  EXPECT_EQ(status(1), "FAILED");
  pipeline.run();
  EXPECT_EQ(pipeline.census().published, 1U);
  EXPECT_EQ(pipeline.census().failed, 2U);
}

TEST_F(FailedItems, AreReleasedAllAtOnceAndCounted) {
  EXPECT_EQ(must(retry_all_items(Entity::word, *pipeline.table)), 0U);
  EXPECT_EQ(must(retry_all_items(Entity::line, *pipeline.table)), 3U);
  EXPECT_EQ(must(retry_all_items(Entity::line, *pipeline.table)), 0U);
  pipeline.run();
  EXPECT_EQ(pipeline.census().published, 3U);
}

TEST_F(FailedItems, ThatSucceededMeanwhileAreLeftAlone) {
  receipt.lines[0].text = "OAT MILK 2.19";
  pipeline.import(receipt);
  pipeline.run();
  EXPECT_EQ(must(retry_items(std::vector{line_of(receipt, 1)}, *pipeline.table)), std::vector<bool>{false});
  EXPECT_EQ(status(1), "SUCCESS");
}

}  // namespace
}  // namespace tillite::testing
