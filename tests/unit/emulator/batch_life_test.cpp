#include "emulator/batches/batch_life.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "unit/emulator/emulator_fixture.h"

namespace tillite::testing {
namespace {

using ::testing::ElementsAre;

std::set<std::string> custom_ids(const std::vector<Json>& lines) {
  std::set<std::string> ids;
  for (const Json& line : lines) ids.insert(line.at("custom_id").get<std::string>());
  return ids;
}

TEST(BatchLifeTest, ABatchGoesThroughItsStagesInTime) {
  EmulatedBatches batches;
  const std::string id = batches.create(EmulatedBatches::lines(10));
  EXPECT_EQ(batches.batch(id).status, ProviderStatus::validating);
  batches.pass(999);
  EXPECT_EQ(batches.batch(id).status, ProviderStatus::validating);
  batches.pass(1);
  EXPECT_EQ(batches.batch(id).status, ProviderStatus::in_progress);
  EXPECT_EQ(batches.batch(id).counts.total, 10U);
  batches.pass(50'000);
  EXPECT_EQ(batches.batch(id).counts.completed, 5U);
  EXPECT_EQ(batches.batch(id).object().at("output_file_id"), nullptr);
  batches.pass(50'000);
  EXPECT_EQ(batches.batch(id).status, ProviderStatus::finalizing);
  EXPECT_EQ(batches.batch(id).object().at("output_file_id"), nullptr);
  batches.pass(1000);
  const EmulatedBatch ended = batches.batch(id);
  EXPECT_EQ(ended.status, ProviderStatus::completed);
  EXPECT_EQ(ended.counts.completed, 10U);
  EXPECT_FALSE(ended.error_file_id);
  EXPECT_EQ(custom_ids(batches.result_lines(ended.output_file_id)).size(), 10U);
  EXPECT_EQ(must(batches.life().advance({})), std::nullopt);
}

TEST(BatchLifeTest, TellsWhenTheNextStageIsDue) {
  EmulatedBatches batches;
  const std::int64_t now_ms = batches.clock().now_ms();
  batches.create(EmulatedBatches::lines(1));
  EXPECT_EQ(must(batches.life().advance({})), now_ms + 1000);
}

TEST(BatchLifeTest, ResultsAreNotInTheOrderOfTheRequestsAndAlwaysTheSame) {
  const auto order = [](std::uint64_t seed) {
    EmulatedBatches batches({.latency = EmulatedBatches::slow(), .seed = seed});
    std::string ids;
    for (const Json& line :
         batches.result_lines(batches.settle(batches.create(EmulatedBatches::lines(20))).output_file_id)) {
      ids += line.at("custom_id").get<std::string>() + " ";
    }
    return ids;
  };
  EXPECT_EQ(order(1), order(1));
  EXPECT_NE(order(1), order(2));
  EXPECT_FALSE(order(1).starts_with("0 1 2 3 "));
}

TEST(BatchLifeTest, WhatIsCutOffGoesOn) {
  EmulatedBatches batches;
  const std::string id = batches.create(EmulatedBatches::lines(5));
  batches.pass(1000);
  batches.reopen();
  EXPECT_EQ(batches.batch(id).status, ProviderStatus::in_progress);
  EXPECT_EQ(batches.settle(id).counts.completed, 5U);
  EXPECT_EQ(batches.payments().at("items"), 5);
  batches.reopen();
  EXPECT_EQ(batches.result_lines(batches.batch(id).output_file_id).size(), 5U);
}

TEST(BatchLifeTest, AComputationThatIsStoppedIsAsIfItHadNotBegun) {
  EmulatedBatches batches;
  const std::string id = batches.create(EmulatedBatches::lines(5));
  batches.pass(1000);
  batches.clock().advance(100'000);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(batches.life().advance(stop.get_token()));
  EXPECT_EQ(batches.batch(id).status, ProviderStatus::in_progress);
  EXPECT_EQ(batches.payments().at("items"), 0);
  EXPECT_EQ(must(batches.files().count()), 1);
}

TEST(BatchLifeTest, ABatchThatTakesLongerThanItsWindowExpiresWithWhatIsDone) {
  Latency latency = EmulatedBatches::slow();
  latency.window_ms = 51'000;
  EmulatedBatches batches({.latency = latency});
  const std::string id = batches.create(EmulatedBatches::lines(10));
  batches.pass(1000);
  batches.pass(50'000);
  const EmulatedBatch ended = batches.settle(id);
  EXPECT_EQ(ended.status, ProviderStatus::expired);
  EXPECT_EQ(ended.counts.completed, 5U);
  EXPECT_EQ(ended.counts.failed, 0U);
  const auto done = custom_ids(batches.result_lines(ended.output_file_id));
  auto all = custom_ids(batches.result_lines(ended.error_file_id));
  for (const Json& line : batches.result_lines(ended.error_file_id)) {
    EXPECT_EQ(line.at("response"), nullptr);
    EXPECT_EQ(line.at("error").at("code"), "batch_expired");
  }
  all.insert(done.begin(), done.end());
  EXPECT_EQ(all.size(), 10U);
  EXPECT_EQ(batches.payments().at("items"), 5);
}

TEST(BatchLifeTest, ACancelledBatchKeepsWhatWasDoneByThen) {
  EmulatedBatches batches;
  const std::string id = batches.create(EmulatedBatches::lines(10));
  batches.pass(1000);
  batches.pass(30'000);
  EXPECT_EQ(batches.life().cancel(id)->status, ProviderStatus::cancelling);
  EXPECT_EQ(batches.life().cancel(id)->status, ProviderStatus::cancelling);
  batches.pass(1000);
  const EmulatedBatch ended = batches.batch(id);
  EXPECT_EQ(ended.status, ProviderStatus::cancelled);
  EXPECT_EQ(ended.counts.completed, 3U);
  EXPECT_EQ(batches.result_lines(ended.output_file_id).size(), 3U);
  EXPECT_EQ(batches.result_lines(ended.error_file_id).at(0).at("error").at("code"), "batch_cancelled");
  EXPECT_EQ(batches.life().cancel(id)->status, ProviderStatus::cancelled);
}

TEST(BatchLifeTest, ABatchThatIsCancelledBeforeItIsValidatedHasNoFiles) {
  EmulatedBatches batches;
  const std::string id = batches.create(EmulatedBatches::lines(10));
  ASSERT_TRUE(batches.life().cancel(id));
  const EmulatedBatch ended = batches.settle(id);
  EXPECT_EQ(ended.status, ProviderStatus::cancelled);
  EXPECT_FALSE(ended.output_file_id || ended.error_file_id);
}

TEST(BatchLifeTest, ABatchThatHasEndedCannotBeCancelled) {
  EmulatedBatches batches;
  const std::string id = batches.create(EmulatedBatches::lines(1));
  batches.settle(id);
  const auto refused = batches.life().cancel(id);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status(), 409U);
  EXPECT_EQ(refused.error().message(), "Cannot cancel a batch with status 'completed'.");
}

TEST(BatchLifeTest, MoreTokensThanMayBeInProgressFailABatchLater) {
  EmulatedBatches batches({.latency = EmulatedBatches::slow(), .enqueued_tokens_max = 50});
  const std::string first = batches.create(EmulatedBatches::lines(10));  // 3 tokens each
  const std::string second = batches.create(EmulatedBatches::lines(10));
  batches.pass(1000);
  EXPECT_EQ(batches.batch(first).status, ProviderStatus::in_progress);
  const EmulatedBatch failed = batches.batch(second);
  EXPECT_EQ(failed.status, ProviderStatus::failed);
  EXPECT_EQ(failed.problems.at(0).code, "token_limit_exceeded");
  EXPECT_NE(failed.problems.at(0).message.find("Limit: 50 enqueued tokens"), std::string::npos);
  batches.settle(first);
  const std::string third = batches.create(EmulatedBatches::lines(10));
  EXPECT_EQ(batches.settle(third).status, ProviderStatus::completed);
}

TEST(BatchLifeTest, NeedsAFileThatIsThereAndMeantForABatch) {
  EmulatedBatches batches;
  EXPECT_EQ(batches.try_create("file-none").error().status(), 404U);
  EXPECT_EQ(batches.try_create(batches.upload({"x"}, "user_data").id).error().status(), 400U);
  const StoredFile file = batches.upload(EmulatedBatches::lines(1));
  ASSERT_TRUE(batches.files().remove(file.id));
  EXPECT_EQ(batches.try_create(file.id).error().status(), 404U);
}

TEST(BatchLifeTest, ABatchWhoseInputIsDeletedFails) {
  EmulatedBatches batches;
  const StoredFile file = batches.upload(EmulatedBatches::lines(3));
  const std::string id = batches.try_create(file.id)->id;
  ASSERT_TRUE(batches.files().remove(file.id));
  const EmulatedBatch ended = batches.settle(id);
  EXPECT_EQ(ended.status, ProviderStatus::failed);
  EXPECT_EQ(ended.problems.at(0).code, "file_not_found");
}

TEST(BatchLifeTest, TheNextBatchEndsAsItIsScripted) {
  EmulatedBatches batches;
  batches.script({{"end", "expired"}, {"done", 0.2}});
  batches.script({{"end", "failed"}, {"code", "invalid_request"}, {"message", "no"}});
  const std::string expired = batches.create(EmulatedBatches::lines(10));
  const std::string failed = batches.create(EmulatedBatches::lines(10));
  const std::string well = batches.create(EmulatedBatches::lines(10));
  EXPECT_EQ(batches.settle(expired).counts.completed, 2U);
  EXPECT_EQ(batches.batch(expired).status, ProviderStatus::expired);
  EXPECT_EQ(batches.settle(failed).problems.at(0).message, "no");
  EXPECT_EQ(batches.settle(well).status, ProviderStatus::completed);
}

TEST(BatchLifeTest, AScriptSurvivesAKillOnceItsBatchIsCreated) {
  EmulatedBatches batches;
  batches.script({{"end", "cancelled"}, {"done", 0.5}});
  const std::string id = batches.create(EmulatedBatches::lines(10));
  batches.reopen();
  EXPECT_EQ(batches.settle(id).status, ProviderStatus::cancelled);
  EXPECT_EQ(batches.batch(id).counts.completed, 5U);
}

TEST(BatchLifeTest, LinesGoWrongAsTheyAreToldTo) {
  const auto ended_with = [](std::string_view fault) {
    auto batches = std::make_unique<EmulatedBatches>();
    batches->script({{"lines", {{fault, 1.0}}}});
    const std::string id = batches->create(EmulatedBatches::lines(4));
    const EmulatedBatch batch = batches->settle(id);
    return std::pair(std::move(batches), batch);
  };
  {
    const auto [batches, batch] = ended_with("duplicate-id");
    EXPECT_EQ(batches->result_lines(batch.output_file_id).size(), 8U);
    EXPECT_EQ(custom_ids(batches->result_lines(batch.output_file_id)).size(), 4U);
    EXPECT_EQ(batches->payments().at("items"), 4);
  }
  {
    const auto [batches, batch] = ended_with("missing-id");
    EXPECT_EQ(batch.counts.completed, 4U);
    EXPECT_FALSE(batch.output_file_id);
  }
  {
    const auto [batches, batch] = ended_with("foreign-id");
    EXPECT_THAT(custom_ids(batches->result_lines(batch.output_file_id)),
                ElementsAre("0-foreign", "1-foreign", "2-foreign", "3-foreign"));
  }
  {
    const auto [batches, batch] = ended_with("wrong-dimensions");
    const Json line = batches->result_lines(batch.output_file_id).at(0);
    EXPECT_EQ(line.at("response").at("body").at("data").at(0).at("embedding").size(), 9U);
  }
  {
    const auto [batches, batch] = ended_with("nan");
    EXPECT_NE(batches->content(batch.output_file_id).find(",NaN]"), std::string::npos);
  }
  {
    const auto [batches, batch] = ended_with("line-400");
    const Json line = batches->result_lines(batch.error_file_id).at(0);
    EXPECT_EQ(line.at("response").at("status_code"), 400);
    EXPECT_TRUE(line.at("response").at("body").at("error").contains("message"));
    EXPECT_EQ(line.at("error"), nullptr);
    EXPECT_EQ(batch.counts.failed, 4U);
    EXPECT_EQ(batches->payments().at("items"), 0);
  }
  {
    const auto [batches, batch] = ended_with("line-error");
    const Json line = batches->result_lines(batch.error_file_id).at(0);
    EXPECT_EQ(line.at("response"), nullptr);
    EXPECT_TRUE(line.at("error").contains("code"));
  }
  {
    const auto [batches, batch] = ended_with("line-null");
    const Json line = batches->result_lines(batch.error_file_id).at(0);
    EXPECT_EQ(line.at("response"), nullptr);
    EXPECT_EQ(line.at("error"), nullptr);
  }
}

TEST(BatchLifeTest, ATruncatedFileEndsInTheMiddle) {
  EmulatedBatches batches;
  batches.script({{"output", "truncated"}});
  const EmulatedBatch batch = batches.settle(batches.create(EmulatedBatches::lines(9)));
  const std::string content = batches.content(batch.output_file_id);
  EXPECT_FALSE(content.empty());
  EXPECT_FALSE(content.ends_with("\n"));
  EXPECT_EQ(batches.files().find(*batch.output_file_id)->bytes, content.size());
}

TEST(BatchLifeTest, FaultsByTheDiceAreTheSameForASeed) {
  const auto ends = [](std::uint64_t seed) {
    BatchLife::Settings settings = {.latency = EmulatedBatches::slow(), .seed = seed};
    settings.faults = must(FaultSpec::parse("expire=0.3,fail=0.3,cancel=0.3"));
    EmulatedBatches batches(std::move(settings));
    std::string names;
    std::vector<std::string> ids;
    for (int i = 0; i < 12; ++i) ids.push_back(batches.create(EmulatedBatches::lines(2)));
    for (const std::string& id : ids) names += fmt::format("{} ", provider_status_name(batches.settle(id).status));
    return names;
  };
  EXPECT_EQ(ends(3), ends(3));
  EXPECT_NE(ends(3), ends(4));
  EXPECT_NE(ends(3).find("expired"), std::string::npos);
  EXPECT_NE(ends(3).find("failed"), std::string::npos);
}

TEST(BatchLifeTest, TheListLagsWhereItIsToldTo) {
  BatchLife::Settings settings = {.latency = EmulatedBatches::slow()};
  settings.faults = must(FaultSpec::parse("list-lag=3s"));
  EmulatedBatches batches(std::move(settings));
  const std::string id = batches.create(EmulatedBatches::lines(1));
  EXPECT_TRUE(batches.life().list("", 10)->batches.empty());
  EXPECT_TRUE(batches.life().find(id));
  batches.pass(3000);
  EXPECT_EQ(batches.life().list("", 10)->batches.size(), 1U);
}

TEST(BatchLifeTest, ListsPagesNewestFirst) {
  EmulatedBatches batches;
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(batches.create(EmulatedBatches::lines(1)));
  const auto first = batches.life().list("", 2);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->has_more);
  EXPECT_EQ(first->batches.at(0).id, ids[4]);
  const auto last = batches.life().list(ids[1], 2);
  ASSERT_TRUE(last);
  EXPECT_FALSE(last->has_more);
  EXPECT_EQ(last->batches.at(0).id, ids[0]);
  EXPECT_EQ(batches.life().list("batch_none", 2).error().status(), 404U);
}

TEST(BatchLifeTest, CountsWhatIsPaidForTwice) {
  EmulatedBatches batches;
  batches.settle(batches.create(EmulatedBatches::lines(3)));
  EXPECT_EQ(batches.payments().at("requests_more_than_once"), 0);
  batches.settle(batches.create({input_line("1", "text 1"), input_line("2", "another text")}));
  const Json paid = batches.payments();
  EXPECT_EQ(paid.at("items"), 5);
  EXPECT_EQ(paid.at("requests_more_than_once"), 1);
  EXPECT_EQ(paid.at("requests_in_vain"), 1);
  EXPECT_EQ(paid.at("examples").at(0).at("custom_id"), "1");
}

TEST(BatchLifeTest, WhatIsPaidForAgainAfterASpoiledResultIsNotInVain) {
  EmulatedBatches batches;
  batches.script({{"lines", {{"nan", 1.0}}}});
  batches.settle(batches.create(EmulatedBatches::lines(2)));
  batches.script({{"output", "truncated"}});
  batches.settle(batches.create(EmulatedBatches::lines(2)));
  batches.settle(batches.create(EmulatedBatches::lines(2)));
  EXPECT_EQ(batches.payments().at("requests_more_than_once"), 2);
  EXPECT_EQ(batches.payments().at("requests_in_vain"), 0);
  batches.settle(batches.create(EmulatedBatches::lines(2)));
  EXPECT_EQ(batches.payments().at("requests_in_vain"), 2);
}

}  // namespace
}  // namespace tillite::testing
