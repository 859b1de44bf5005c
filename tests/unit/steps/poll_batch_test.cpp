// What each outcome at the provider does to the items of a batch.
#include <gtest/gtest.h>

#include <limits>

#include "base/base64.h"
#include "base/uuid.h"
#include "steps/batches/batch_deadline.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

class PollBatchTest : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"});
  std::string batch;

  void SetUp() override {
    pipeline.import(receipt);
    batch = pipeline.submit_all().front();
  }

  static std::string good(const RecordId& id) { return result_line(id, std::vector<double>(64, 0.5)); }
  static std::string result_line(const RecordId& id, const Json& embedding) {
    return to_text({{"custom_id", id.str()},
                    {"response", {{"status_code", 200}, {"body", {{"data", {{{"embedding", embedding}}}}}}}},
                    {"error", nullptr}}) +
           "\n";
  }
  static std::string error_line(const RecordId& id, const std::string& code, const std::string& message) {
    return to_text(
               {{"custom_id", id.str()}, {"response", nullptr}, {"error", {{"code", code}, {"message", message}}}}) +
           "\n";
  }
  RecordId line(int number) { return line_of(receipt, number); }
  std::string status(int number) { return pipeline.row(line(number)).value("embedding_status", ""); }
  std::int64_t attempts(int number) { return pipeline.row(line(number)).value("attempts", std::int64_t{-1}); }
  Batch stored_batch() { return must(read_batch(*pipeline.table, BatchId(batch))); }
  void publish() {
    pipeline.merge();
    pipeline.complete();
  }
};

TEST_F(PollBatchTest, OfACompletedBatchGoodVectorsGoOnAndTheOthersHaveUsedAnAttempt) {
  pipeline.scripted.end_all(ProviderStatus::completed, good(line(2)), error_line(line(1), "server_error", "try again"));
  EXPECT_EQ(pipeline.poll(batch).at("action"), "process_results");
  publish();
  EXPECT_EQ(status(2), "SUCCESS");
  EXPECT_EQ(status(1), "NONE");
  EXPECT_EQ(attempts(1), 1);
  EXPECT_EQ(status(3), "NONE") << "neither file speaks of it";
  EXPECT_EQ(attempts(3), 1);
  EXPECT_EQ(stored_batch().status, BatchStatus::completed);
}

TEST_F(PollBatchTest, OfACompletedBatchWithoutAnyFileAllItemsGoBackAndTheBatchEnds) {
  pipeline.scripted.end_all(ProviderStatus::completed, std::nullopt);
  EXPECT_EQ(pipeline.poll(batch).at("released_count"), 3);
  EXPECT_EQ(attempts(1), 1);
  EXPECT_EQ(stored_batch().status, BatchStatus::completed);
}

TEST_F(PollBatchTest, OfACompletedBatchWithAnErrorFileOnlyAllItemsHaveUsedAnAttempt) {
  pipeline.scripted.end_all(ProviderStatus::completed, std::nullopt,
                            error_line(line(1), "invalid_request", "no") +
                                error_line(line(2), "invalid_request", "no") +
                                error_line(line(3), "server_error", "later"));
  EXPECT_EQ(pipeline.poll(batch).at("released_count"), 3);
  EXPECT_EQ(attempts(3), 1);
  EXPECT_EQ(stored_batch().status, BatchStatus::completed);
}

TEST_F(PollBatchTest, AnItemWhoseAttemptsAreUsedUpIsFailedWithTheProvidersReason) {
  for (int attempt = 1; attempt <= pipeline.settings.attempts_max; ++attempt) {
    pipeline.scripted.end_all(ProviderStatus::completed, good(line(2)) + good(line(3)),
                              error_line(line(1), "invalid_request", "no words in it"));
    pipeline.poll(batch);
    publish();
    pipeline.scripted.say_what_is_true();
    const auto next = pipeline.submit_all();
    EXPECT_EQ(next.empty(), attempt == pipeline.settings.attempts_max);
    if (!next.empty()) batch = next.front();
  }
  EXPECT_EQ(status(1), "FAILED");
  EXPECT_EQ(pipeline.row(line(1)).at("failure_reason"), "invalid_request: no words in it");
  const Census census = pipeline.census();
  EXPECT_EQ(census.failed, 1U);
  EXPECT_EQ(census.published, 2U);
  EXPECT_TRUE(census.adds_up());
}

TEST_F(PollBatchTest, OfAnExpiredBatchWhatWasPaidForGoesOnAndTheRestGoesBackWithoutAnAttempt) {
  pipeline.scripted.end_all(ProviderStatus::expired, good(line(2)), error_line(line(1), "batch_expired", "too late"));
  EXPECT_EQ(pipeline.poll(batch).at("action"), "process_partial");
  publish();
  EXPECT_EQ(status(2), "SUCCESS");
  EXPECT_EQ(status(1), "NONE");
  EXPECT_EQ(attempts(1), 0);
  EXPECT_EQ(attempts(3), 0);
  EXPECT_EQ(stored_batch().status, BatchStatus::expired);
}

TEST_F(PollBatchTest, OfABatchThatExpiredOrWasCancelledWithoutAnyFileAllItemsGoBackWithoutAnAttempt) {
  for (const ProviderStatus end : {ProviderStatus::expired, ProviderStatus::cancelled}) {
    SCOPED_TRACE(provider_status_name(end));
    pipeline.scripted.end_all(end, std::nullopt);
    EXPECT_EQ(pipeline.poll(batch).at("released_count"), 3);
    EXPECT_TRUE(has_ended(stored_batch().status));
    EXPECT_EQ(attempts(1), 0);
    batch = pipeline.submit_all().front();
  }
}

TEST_F(PollBatchTest, OfACancelledBatchWhatHadBeenDoneGoesOnAndTheRestGoesBackWithoutAnAttempt) {
  pipeline.scripted.end_all(ProviderStatus::cancelled, good(line(3)));
  EXPECT_EQ(pipeline.poll(batch).at("action"), "handle_cancellation");
  publish();
  EXPECT_EQ(status(3), "SUCCESS");
  EXPECT_EQ(status(1), "NONE");
  EXPECT_EQ(attempts(1), 0);
  EXPECT_EQ(stored_batch().status, BatchStatus::cancelled);
}

TEST_F(PollBatchTest, OfAFailedBatchAllItemsGoBackAndTheReasonIsKept) {
  pipeline.scripted.end_all(ProviderStatus::failed, std::nullopt, std::nullopt, "invalid_input_file");
  EXPECT_EQ(pipeline.poll(batch).at("action"), "handle_failure");
  EXPECT_EQ(pipeline.census().unclaimed, 3U);
  EXPECT_EQ(attempts(1), 1);
  EXPECT_EQ(stored_batch().status, BatchStatus::failed);
  EXPECT_NE(stored_batch().error_summary.find("invalid_input_file"), std::string::npos);
  pipeline.scripted.say_what_is_true();
  pipeline.run();
  EXPECT_EQ(pipeline.census().published, 3U);
}

TEST_F(PollBatchTest, ABatchThatTheTokenLimitTurnedAwayIsSentLaterAndInHalves) {
  pipeline.settings.batch.items_max = 4;
  for (const std::int64_t pause_ms : {pipeline.settings.deferral_ms, 2 * pipeline.settings.deferral_ms}) {
    pipeline.scripted.end_all(ProviderStatus::failed, std::nullopt, std::nullopt, "token_limit_exceeded");
    pipeline.poll(batch);
    EXPECT_EQ(pipeline.census().unclaimed, 3U);
    EXPECT_TRUE(pipeline.submit_all().empty()) << "not at once";
    pipeline.clock.advance(pause_ms - 1);
    EXPECT_TRUE(pipeline.submit_all().empty());
    pipeline.clock.advance(1);
    const auto smaller = pipeline.submit_all();
    EXPECT_EQ(smaller.size(), pause_ms == pipeline.settings.deferral_ms ? 2U : 3U) << "of two items, then of one";
    for (const std::string& id : smaller) {
      batch = id;
      if (id != smaller.back()) pipeline.poll(id);
    }
  }
  EXPECT_EQ(attempts(1), 0) << "it is no fault of the items";
  pipeline.scripted.say_what_is_true();
  pipeline.clock.advance(32 * pipeline.settings.deferral_ms);
  pipeline.collect(batch);
  pipeline.run();
  EXPECT_EQ(pipeline.census().published, 3U);
}

TEST_F(PollBatchTest, ADeferralEndsWhenTheTextChanges) {
  pipeline.scripted.end_all(ProviderStatus::failed, std::nullopt, std::nullopt, "token_limit_exceeded");
  pipeline.poll(batch);
  receipt.lines[0].text = "OAT MILK 2.19";
  pipeline.import(receipt);
  ASSERT_EQ(pipeline.submit_all().size(), 1U);
  EXPECT_EQ(status(1), "PENDING");
  EXPECT_EQ(status(2), "NONE");
}

TEST_F(PollBatchTest, AVectorThatCannotBeOneCountsAsAFailedResult) {
  std::vector<double> shorter(63, 0.5);
  std::vector<double> nothing(64, 0.0);
  pipeline.scripted.end_all(ProviderStatus::completed,
                            result_line(line(1), shorter) + result_line(line(2), nothing) + good(line(3)));
  pipeline.poll(batch);
  publish();
  EXPECT_EQ(status(3), "SUCCESS");
  EXPECT_EQ(attempts(1), 1);
  EXPECT_EQ(attempts(2), 1);
  EXPECT_EQ(pipeline.census().version->vectors, 1U);
}

TEST_F(PollBatchTest, AVectorWithNaNOrInfinityOrOfNoLengthCountsAsAFailedResult) {
  const auto base64 = [](float number) {
    std::vector<float> vector(64, 0.0F);
    vector[7] = number;
    return Json(base64_of(std::as_bytes(std::span(vector))));
  };
  pipeline.scripted.end_all(ProviderStatus::completed,
                            result_line(line(1), base64(std::numeric_limits<float>::quiet_NaN())) +
                                result_line(line(2), base64(-std::numeric_limits<float>::infinity())) +
                                result_line(line(3), base64(0)));
  EXPECT_EQ(pipeline.poll(batch).at("released_count"), 3);
  for (int number = 1; number <= 3; ++number) EXPECT_EQ(attempts(number), 1);
  EXPECT_TRUE(has_ended(stored_batch().status));
}

TEST_F(PollBatchTest, ABatchOfWhichNothingIsUsableEnds) {
  pipeline.scripted.end_all(ProviderStatus::completed, "not json\n{}\n\x01\x02", "[]\n");
  pipeline.poll(batch);
  EXPECT_TRUE(has_ended(stored_batch().status));
  EXPECT_EQ(pipeline.census().unclaimed, 3U);
}

TEST_F(PollBatchTest, ABatchWhoseResultFilesAreGoneEnds) {
  pipeline.scripted.edit = [](ProviderBatch& answer) {
    answer.status = ProviderStatus::completed;
    answer.output_file_id = ProviderFileId("removed-output");
    answer.error_file_id = ProviderFileId("removed-errors");
  };
  pipeline.poll(batch);
  EXPECT_TRUE(has_ended(stored_batch().status));
  EXPECT_EQ(pipeline.census().unclaimed, 3U);
}

TEST_F(PollBatchTest, ABatchThatTheProviderDoesNotKnowAnyMoreEnds) {
  must(pipeline.table->write(Update{.key = batch_row_key(BatchId(batch)), .set = {{"openai_batch_id", "batch_gone"}}}));
  EXPECT_EQ(pipeline.poll(batch).at("action"), "handle_failure");
  EXPECT_EQ(pipeline.census().unclaimed, 3U);
}

TEST_F(PollBatchTest, ABatchWhoseListOfItemsIsGoneDeliversToThoseThatStillWait) {
  must(pipeline.batch_files->remove(ObjectKey(stored_batch().items_key)));
  pipeline.collect(batch);
  publish();
  EXPECT_EQ(pipeline.census().published, 3U);
  EXPECT_EQ(stored_batch().status, BatchStatus::completed);
}

TEST_F(PollBatchTest, ABatchThatTheProviderDoesNotEndIsCancelledAfterTwoDaysAndEndsHereAfterThree) {
  pipeline.scripted.end_all(ProviderStatus::in_progress, std::nullopt);
  pipeline.clock.advance(kCancelAfterMs - 1);
  EXPECT_EQ(pipeline.poll(batch).at("action"), "wait");
  EXPECT_EQ(pipeline.scripted.cancels, 0);
  pipeline.clock.advance(1);
  EXPECT_EQ(pipeline.poll(batch).at("action"), "wait") << "the provider's word counts as long as it may come";
  EXPECT_EQ(pipeline.scripted.cancels, 1);
  EXPECT_EQ(status(1), "PENDING");
  pipeline.clock.advance(kGiveUpAfterMs - kCancelAfterMs);
  EXPECT_EQ(pipeline.poll(batch).at("action"), "process_partial");
  EXPECT_EQ(stored_batch().status, BatchStatus::expired);
  EXPECT_NE(stored_batch().error_summary.find("still in_progress after 72 h"), std::string::npos)
      << stored_batch().error_summary;
  EXPECT_EQ(attempts(1), 0);
  EXPECT_EQ(pipeline.census().unclaimed, 3U);
}

TEST_F(PollBatchTest, ABatchThatIsCancellingForEverEndsAsWell) {
  pipeline.scripted.end_all(ProviderStatus::cancelling, good(line(2)));
  pipeline.clock.advance(kGiveUpAfterMs);
  pipeline.poll(batch);
  publish();
  EXPECT_EQ(status(2), "SUCCESS") << "what there was by then was paid for";
  EXPECT_EQ(status(1), "NONE");
  EXPECT_EQ(stored_batch().status, BatchStatus::expired);
}

TEST_F(PollBatchTest, WithoutAnyAnswerABatchIsAskedForAsLongAsTheProviderKeepsItsFiles) {
  pipeline.scripted.no_answer = true;
  pipeline.clock.advance(kForgetAfterMs - 1);
  EXPECT_EQ(poll_batch({{"batch_id", batch}}, pipeline.ports, pipeline.context).error().code(), Code::unavailable);
  EXPECT_EQ(status(1), "PENDING");
  pipeline.clock.advance(1);
  EXPECT_EQ(pipeline.poll(batch).at("action"), "process_partial");
  EXPECT_EQ(stored_batch().status, BatchStatus::expired);
  EXPECT_EQ(pipeline.census().unclaimed, 3U);
}

TEST_F(PollBatchTest, AResultForALineThatIsGoneIsDroppedAndCountedAndItsNeighboursGoOn) {
  receipt.lines.pop_back();
  pipeline.import(receipt);
  const Json answer = pipeline.collect(batch);
  EXPECT_EQ(answer.at("dropped_count"), 1);
  EXPECT_EQ(answer.at("embedding_count"), 2);
  publish();
  EXPECT_EQ(pipeline.census().published, 2U);
  EXPECT_TRUE(pipeline.census().adds_up());
}

TEST_F(PollBatchTest, ASecondResultForAnItemIsDropped) {
  pipeline.scripted.end_all(ProviderStatus::completed, good(line(1)) + good(line(1)) + good(line(2)) + good(line(3)));
  EXPECT_EQ(pipeline.poll(batch).at("dropped_count"), 1);
  publish();
  EXPECT_EQ(pipeline.census().version->vectors, 3U);
}

TEST_F(PollBatchTest, ABatchThatHasNotEndedIsListedAndPolledAgainWhateverItsState) {
  for (const ProviderStatus state : {ProviderStatus::validating, ProviderStatus::in_progress,
                                     ProviderStatus::finalizing, ProviderStatus::cancelling}) {
    SCOPED_TRACE(provider_status_name(state));
    pipeline.scripted.end_all(state, std::nullopt);
    EXPECT_EQ(pipeline.poll(batch).at("action"), "wait");
    const Json listed = must(list_pending(pipeline.line_event(), pipeline.ports, pipeline.context));
    ASSERT_EQ(listed.at("pending_total"), 1);
    EXPECT_EQ(listed.at("pending_batches").front().at("batch_id"), batch);
  }
}

TEST_F(PollBatchTest, ADeltasIdFollowsFromItsBatchAndItsOutputFile) {
  pipeline.scripted.end_all(ProviderStatus::completed, good(line(1)) + good(line(2)) + good(line(3)));
  const Json answer = pipeline.poll(batch);
  EXPECT_EQ(answer.at("delta_id"), uuid5(fmt::format("delta {} scripted-output", batch)));
  EXPECT_EQ(stored_batch().delta_key,
            fmt::format("receipt_lines/g1/delta/{}.tar.gz", uuid5(fmt::format("delta {} scripted-output", batch))));
}

TEST_F(PollBatchTest, TellsTheQueueOfANewDeltaUnlessItIsToldNotTo) {
  pipeline.collect(batch);
  EXPECT_TRUE(must(pipeline.queue->receive(10, 1000)).empty());

  pipeline.import(receipt_with({"TEA 2.49"}, "0c4f5a3b-ab5f-4a3c-9d2e-6f1ed0022c1d"));
  const Json event = {{"batch_id", pipeline.submit_all().front()}};
  Json answer;
  do {
    answer = must(poll_batch(event, pipeline.ports, pipeline.context));
  } while (answer.at("action") == "wait");
  const auto messages = must(pipeline.queue->receive(10, 1000));
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_NE(messages.front().body.find(answer.at("delta_id").get<std::string>()), std::string::npos);
}

TEST_F(PollBatchTest, TellsTheQueueNothingWhenTheSettingsSaySo) {
  pipeline.settings.skip_queue_notification = true;
  while (must(poll_batch({{"batch_id", batch}}, pipeline.ports, pipeline.context)).at("action") == "wait") {
  }
  EXPECT_TRUE(must(pipeline.queue->peek(10)).empty());
}

TEST_F(PollBatchTest, ARepeatedPollTellsTheQueueAgainForTheFirstMayHaveBeenCutOffBeforeItDid) {
  const Json stored = pipeline.collect(batch);
  const Json again = must(poll_batch({{"batch_id", batch}}, pipeline.ports, pipeline.context));
  EXPECT_EQ(again.at("delta_id"), stored.at("delta_id"));
  const auto messages = must(pipeline.queue->peek(10));
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(Json::parse(messages[0].body).at("vector_count"), 3);
}

TEST_F(PollBatchTest, ABatchOfAGenerationThatNeverWasIsRefused) {
  must(pipeline.table->write(Update{.key = batch_row_key(BatchId(batch)), .set = {{"generation", 2}}}));
  pipeline.scripted.end_all(ProviderStatus::completed, good(line(1)));
  const auto polled = poll_batch({{"batch_id", batch}}, pipeline.ports, pipeline.context);
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().code(), Code::not_found);
  EXPECT_EQ(status(1), "PENDING");
}

TEST_F(PollBatchTest, ABatchWithADeltaIsNeverDownloadedAgain) {
  const Json first = pipeline.collect(batch);
  pipeline.scripted.edit = [](ProviderBatch&) { FAIL() << "the provider was asked"; };
  EXPECT_EQ(pipeline.poll(batch).at("delta_id"), first.at("delta_id"));
}

}  // namespace
}  // namespace tillite::testing
