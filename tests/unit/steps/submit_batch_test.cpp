#include <gtest/gtest.h>

#include <utility>

#include "support/pipeline.h"

namespace tillite::testing {
namespace {

class SubmitTest : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89"});
  std::string id;

  void SetUp() override {
    pipeline.import(receipt);
    id = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context))
             .at("batches")
             .front()
             .at("batch_id")
             .get<std::string>();
  }
  Result<Json> submit() { return submit_batch({{"batch_id", id}}, pipeline.ports, pipeline.context); }
  Batch row() { return must(read_batch(*pipeline.table, BatchId(id))); }
  std::size_t batches_at_provider() { return must(pipeline.provider.list({}, 100)).batches.size(); }
  /// The submit of a process that went away: its reservation has to run out.
  void later() { pipeline.clock.advance(pipeline.settings.submit_lease_ms); }
};

TEST_F(SubmitTest, RecordsWhatItIsAboutToDoBeforeTheProvidersBatchIsCreatedAndGivesItItsOwnId) {
  pipeline.scripted.before_create = [&](const ProviderFileId& file) -> Result<void> {
    EXPECT_EQ(row().input_file_id, file);
    EXPECT_TRUE(row().openai_batch_id.empty());
    return {};
  };
  must(submit());
  const auto created = must(pipeline.provider.list({}, 100)).batches;
  ASSERT_EQ(created.size(), 1U);
  EXPECT_EQ(created.front().metadata.at("tillite_batch_id"), id);
}

TEST_F(SubmitTest, AfterACreateThatDidNotHappenTheOldFileIsRemovedSoThatItCannotHappenLate) {
  ProviderFileId first;
  pipeline.scripted.before_create = [&](const ProviderFileId& file) -> Result<void> {
    first = file;
    return fail(Code::unavailable, "no answer");
  };
  ASSERT_FALSE(submit());
  pipeline.scripted.before_create = [](const ProviderFileId&) -> Result<void> { return {}; };
  later();
  must(submit());
  EXPECT_EQ(pipeline.provider.create_batch(first, {}).error().code(), Code::not_found);
  EXPECT_EQ(batches_at_provider(), 1U);
}

TEST_F(SubmitTest, AdoptsItsOwnBatchThatTheListShowsOnlyTheSecondTime) {
  must(submit());
  const auto created = row().openai_batch_id;
  must(pipeline.table->write(Update{.key = batch_row_key(BatchId(id)), .remove = {"openai_batch_id"}}));
  pipeline.scripted.lists_that_lag = 1;
  must(submit());
  EXPECT_EQ(row().openai_batch_id, created);
  EXPECT_EQ(batches_at_provider(), 1U);
}

TEST_F(SubmitTest, RepeatedItDoesNothing) {
  must(submit());
  EXPECT_EQ(must(submit()).at("action"), "none");
  EXPECT_EQ(batches_at_provider(), 1U);
}

TEST_F(SubmitTest, WithoutPermissionItFailsAtOnceWithTheReasonAndNothingIsLost) {
  pipeline.scripted.before_create = [](const ProviderFileId&) -> Result<void> {
    return fail(Code::permission, "insufficient_quota");
  };
  EXPECT_EQ(submit().error().code(), Code::permission);
  EXPECT_EQ(pipeline.census().claimed, 2U);
  pipeline.scripted.before_create = [](const ProviderFileId&) -> Result<void> { return {}; };
  later();
  pipeline.run();
  EXPECT_EQ(pipeline.census().published, 2U);
}

TEST_F(SubmitTest, ABatchThatTheProviderWillNotTakeEndsAndItsItemsHaveUsedAnAttempt) {
  pipeline.scripted.before_create = [&](const ProviderFileId&) -> Result<void> {
    return fail(Code::invalid_input, "this model has no batches");
  };
  for (int attempt = 1; attempt <= pipeline.settings.attempts_max; ++attempt) {
    EXPECT_EQ(must(submit()).at("action"), "refused");
    EXPECT_EQ(row().status, BatchStatus::failed);
    EXPECT_NE(row().error_summary.find("this model has no batches"), std::string::npos);
    const Json next = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context)).at("batches");
    EXPECT_EQ(next.empty(), attempt == pipeline.settings.attempts_max);
    if (!next.empty()) id = next.front().at("batch_id").get<std::string>();
  }
  EXPECT_EQ(pipeline.census().failed, 2U);
  EXPECT_NE(pipeline.row(line_of(receipt, 1)).at("failure_reason").get<std::string>().find("no batches"),
            std::string::npos);
}

TEST_F(SubmitTest, ABatchThatIsTooLargeForTheProviderIsSentSmallerAtOnce) {
  pipeline.scripted.before_create = [&](const ProviderFileId&) -> Result<void> {
    return fail(Code::limit_exceeded, "the file is too large");
  };
  EXPECT_EQ(must(submit()).at("action"), "refused");
  EXPECT_EQ(row().status, BatchStatus::failed);
  EXPECT_NE(row().error_summary.find("the file is too large"), std::string::npos);
  EXPECT_EQ(pipeline.row(line_of(receipt, 1)).at("attempts"), 0);
  EXPECT_EQ(pipeline.row(line_of(receipt, 1)).at("deferrals"), 1);
  EXPECT_FALSE(pipeline.row(line_of(receipt, 1)).contains("deferred_until_ms")) << "time alone makes nothing smaller";
}

TEST_F(SubmitTest, ItemsThatAreTooLargeForTheProviderEvenAloneFailWithItsReason) {
  pipeline.settings.batch.items_max = 2;
  pipeline.scripted.before_create = [&](const ProviderFileId&) -> Result<void> {
    return fail(Code::limit_exceeded, "the file is too large");
  };
  must(submit());
  for (int round = 0; round < 10 && pipeline.census().unclaimed > 0; ++round) pipeline.submit_all();
  EXPECT_EQ(pipeline.census().failed, 2U);
  EXPECT_NE(pipeline.row(line_of(receipt, 1)).at("failure_reason").get<std::string>().find("too large"),
            std::string::npos);
}

TEST_F(SubmitTest, WhatAnotherHadUploadedSinceTheRowWasReadIsRecovered) {
  // Another submit was cut off behind its create: it is found by what it recorded, though this one read the row before.
  bool first = true;
  pipeline.scripted.before_create = [&](const ProviderFileId&) -> Result<void> {
    if (!std::exchange(first, false)) return {};
    later();
    EXPECT_EQ(must(submit()).at("action"), "submitted");
    return fail(Code::unavailable, "no answer");
  };
  EXPECT_FALSE(submit());
  EXPECT_EQ(batches_at_provider(), 1U);
  EXPECT_EQ(must(submit()).at("action"), "none");
}

}  // namespace
}  // namespace tillite::testing
