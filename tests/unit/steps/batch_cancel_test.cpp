#include "steps/batches/batch_cancel.h"

#include <gtest/gtest.h>

#include "embedding/text_key.h"
#include "steps/batches/item_claims.h"
#include "steps/batches/text_claims.h"
#include "support/failing_ports.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

class BatchCancel : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89"});
  BatchId id;

  void SetUp() override { prepare(pipeline); }
  void prepare(Pipeline& home) {
    home.import(receipt);
    const Json found = must(find_unembedded(Json::object(), home.ports, home.context));
    id = BatchId(found.at("batches").front().at("batch_id").get<std::string>());
  }
  Result<Json> submit() { return submit_batch({{"batch_id", id.str()}}, pipeline.ports, pipeline.context); }
  Batch row() { return must(read_batch(*pipeline.table, id)); }
  Cancelling cancel() { return must(cancel_batch(id, pipeline.ports, pipeline.context)); }
  std::size_t batches_at_provider() { return must(pipeline.provider.list({}, 100)).batches.size(); }
  void later() { pipeline.clock.advance(pipeline.settings.submit_lease_ms); }
};

TEST_F(BatchCancel, OfAPreparedBatchEndsItAndFreesItemsAndTexts) {
  EXPECT_EQ(cancel(), Cancelling::ended);
  EXPECT_EQ(row().status, BatchStatus::cancelled);
  EXPECT_EQ(row().error_summary, "cancelled before it was submitted");
  const Item item = pipeline.row(line_of(receipt, 1));
  EXPECT_EQ(item.at("embedding_status"), "NONE");
  EXPECT_EQ(item.at("attempts"), 0);
  const TextKey text = text_key(pipeline.binding(), item.at("input_hash").get<std::string>());
  EXPECT_FALSE(must(TextsOnTheirWay(*pipeline.table).contains(text)));
  EXPECT_EQ(must(submit()).at("action"), "none");
  EXPECT_EQ(batches_at_provider(), 0U);
  pipeline.run();
  EXPECT_EQ(pipeline.census().published, 2U);
}

TEST_F(BatchCancel, OfASubmittedBatchAsksTheProviderAndThePollTakesWhatItFinds) {
  must(submit());
  EXPECT_EQ(cancel(), Cancelling::asked);
  EXPECT_EQ(pipeline.collect(id.str()).at("action"), "handle_cancellation");
  EXPECT_EQ(row().status, BatchStatus::cancelled);
  EXPECT_EQ(pipeline.census().unclaimed, 2U);
  EXPECT_EQ(cancel(), Cancelling::had_ended);
}

TEST_F(BatchCancel, OfABatchThatTheProviderHasForgottenIsLeftToThePoll) {
  must(submit());
  must(pipeline.table->write(Update{.key = batch_row_key(id), .set = {{"openai_batch_id", "batch_gone"}}}));
  EXPECT_EQ(cancel(), Cancelling::asked);
  EXPECT_EQ(pipeline.poll(id.str()).at("action"), "handle_failure");
}

TEST_F(BatchCancel, OfABatchWithVectorsChangesNothing) {
  must(submit());
  pipeline.collect(id.str());
  EXPECT_EQ(cancel(), Cancelling::has_vectors);
  pipeline.merge();
  pipeline.complete();
  EXPECT_EQ(pipeline.census().published, 2U);
  EXPECT_EQ(cancel(), Cancelling::had_ended);
}

TEST_F(BatchCancel, OfABatchThatIsBeingSubmittedHasToWait) {
  must(pipeline.table->write(
      Update{.key = batch_row_key(id),
             .set = {{"submit_token", "other"}, {"submit_until_ms", pipeline.clock.now_ms() + 1000}}}));
  EXPECT_EQ(cancel(), Cancelling::being_submitted);
  EXPECT_TRUE(row().is_prepared());
}

TEST_F(BatchCancel, OfABatchWhoseSubmitWasCutOffFindsWhatItHadCreated) {
  must(submit());
  const ProviderBatchId created = row().openai_batch_id;
  must(pipeline.table->write(Update{.key = batch_row_key(id), .remove = {"openai_batch_id"}}));
  EXPECT_EQ(cancel(), Cancelling::asked);
  EXPECT_EQ(row().openai_batch_id, created);
  EXPECT_EQ(pipeline.collect(id.str()).at("action"), "handle_cancellation");
}

TEST_F(BatchCancel, OfABatchWhoseSubmitWasCutOffBeforeItCreatedAnythingLeavesNothingToCreateItOf) {
  ProviderFileId uploaded;
  pipeline.scripted.before_create = [&](const ProviderFileId& file) -> Result<void> {
    uploaded = file;
    return fail(Code::unavailable, "no answer");
  };
  ASSERT_FALSE(submit());
  later();
  EXPECT_EQ(cancel(), Cancelling::ended);
  EXPECT_EQ(pipeline.provider.create_batch(uploaded, {}).error().code(), Code::not_found);
  EXPECT_EQ(pipeline.census().unclaimed, 2U);
}

TEST_F(BatchCancel, OfABatchWhoseItemsWereNotAllClaimedYetFreesThem) {
  must(pipeline.table->write(Update{.key = batch_row_key(id), .remove = {"s3_key"}}));
  EXPECT_EQ(cancel(), Cancelling::ended);
  EXPECT_EQ(pipeline.census().unclaimed, 2U);
}

TEST_F(BatchCancel, LeavesNoItemToAFindThatComesTooLate) {
  // It read the batch while it was prepared, and claims its items when they have been freed.
  const Batch as_it_was = row();
  const auto items = must(read_items(*pipeline.batch_files, as_it_was));
  EXPECT_EQ(cancel(), Cancelling::ended);
  must(claim_and_write_requests(as_it_was, items, pipeline.binding(), pipeline.ports, pipeline.context));
  EXPECT_EQ(row().status, BatchStatus::cancelled);
  EXPECT_EQ(pipeline.census().unclaimed, 2U);
}

TEST_F(BatchCancel, DoesWithoutTheListOfItems) {
  must(pipeline.batch_files->remove(ObjectKey(row().items_key)));
  EXPECT_EQ(cancel(), Cancelling::ended);
  EXPECT_EQ(pipeline.census().unclaimed, 2U);
}

TEST_F(BatchCancel, CutOffAtAnyCallIsMadeUpForByTheNextRun) {
  for (const bool was_uploaded : {false, true}) {
    for (int call = 0;; ++call) {
      SCOPED_TRACE(fmt::format("call {}, {}", call, was_uploaded ? "uploaded" : "prepared"));
      Pipeline home;
      prepare(home);
      if (was_uploaded) {
        home.scripted.before_create = [](const ProviderFileId&) -> Result<void> {
          return fail(Code::unavailable, "no answer");
        };
        ASSERT_FALSE(submit_batch({{"batch_id", id.str()}}, home.ports, home.context));
        home.scripted.before_create = [](const ProviderFileId&) -> Result<void> { return {}; };
        home.clock.advance(home.settings.submit_lease_ms);
      }
      FailingPorts ports(home.ports, Outage::crash_at(call));
      const bool whole = cancel_batch(id, ports.ports(), home.context).has_value();
      home.clock.advance(10 * 60'000);
      for (int round = 0; round < 2; ++round) {
        home.submit_all();
        const Json listed = must(list_pending(home.line_event(), home.ports, home.context));
        for (const Json& batch : listed.at("pending_batches")) home.collect(batch.at("batch_id"));
      }
      home.run();
      EXPECT_EQ(home.census().published, 2U);
      EXPECT_TRUE(has_ended(must(read_batch(*home.table, id)).status));
      EXPECT_LE(must(home.provider.list({}, 100)).batches.size(), 1U) << "nothing is paid twice";
      if (HasFailure()) return;
      if (whole) break;
    }
  }
}

TEST_F(BatchCancel, NamesABatchThatIsNotThere) {
  const auto cancelled = cancel_batch(BatchId("nobody"), pipeline.ports, pipeline.context);
  EXPECT_EQ(cancelled.error().code(), Code::not_found);
}

}  // namespace
}  // namespace tillite::testing
