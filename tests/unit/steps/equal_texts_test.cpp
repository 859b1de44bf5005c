// Equal texts are sent once: in a batch, while they are on their way, and once they were paid for.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <sstream>
#include <thread>

#include "embedding/text_key.h"
#include "steps/batches/text_claims.h"
#include "support/failing_ports.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

constexpr const char* kSecondImage = "7a2fd113-bc60-4b4d-8e3f-1d5a6b4c3d2e";
constexpr const char* kThirdImage = "8b30e224-cd71-4c5e-9f40-2e6b7c5d4e3f";

class EqualTextsTest : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt first = receipt_with({"MILK 1.29", "TOTAL", "MILK 1.29"});
  Receipt second = receipt_with({"TOTAL", "BREAD 1.89"}, kSecondImage);

  Json find() { return must(find_unembedded(Json::object(), pipeline.ports, pipeline.context)); }
  Json submit(const Json& batch) { return must(submit_batch(batch, pipeline.ports, pipeline.context)); }
  Batch stored(const Json& batch) {
    return must(read_batch(*pipeline.table, BatchId(batch.at("batch_id").get<std::string>())));
  }
  std::vector<std::string> texts_sent(const Json& batch) {
    std::vector<std::string> texts;
    std::istringstream requests(must(read_object(*pipeline.batch_files, ObjectKey(stored(batch).requests_key))));
    for (std::string line; std::getline(requests, line);) {
      texts.push_back(Json::parse(line).at("body").at("input").get<std::string>());
    }
    std::ranges::sort(texts);
    return texts;
  }
  void publish() {
    pipeline.merge();
    pipeline.complete();
  }
  TextKey key_of(const std::string& text) { return text_key(pipeline.binding(), input_hash(text)); }
  std::vector<float> vector_of(const RecordId& id) {
    const TempFolder scratch = TempFolder::in_memory();
    const auto view = must(CollectionView::open(*pipeline.vectors, pipeline.binding(), scratch.path()));
    return must(view.get({id}, true)).front().vector;
  }
};

TEST_F(EqualTextsTest, ABatchSendsATextOnceAndEachItemGetsARecordOfItsOwn) {
  pipeline.import(first);
  const Json batch = find().at("batches").front();
  EXPECT_EQ(texts_sent(batch), (std::vector<std::string>{"MILK 1.29", "TOTAL"}));
  EXPECT_EQ(stored(batch).item_count, 3);
  submit(batch);
  EXPECT_EQ(pipeline.collect(batch.at("batch_id")).at("embedding_count"), 3);
  publish();
  EXPECT_EQ(pipeline.census().published, 3U);
  EXPECT_EQ(vector_of(line_of(first, 1)), vector_of(line_of(first, 3)));
}

TEST_F(EqualTextsTest, ATextThatIsOnItsWayInAnotherBatchIsWaitedForAndThenServedFromTheCache) {
  pipeline.import(first);
  const Json sent = find().at("batches").front();
  submit(sent);
  pipeline.import(second);
  const Json found = find();
  ASSERT_EQ(found.at("batches_total"), 1);
  EXPECT_EQ(found.at("waiting_total"), 1);
  EXPECT_EQ(texts_sent(found.at("batches").front()), std::vector<std::string>{"BREAD 1.89"});
  EXPECT_EQ(pipeline.row(line_of(second, 1)).at("embedding_status"), "NONE");

  pipeline.collect(sent.at("batch_id"));
  const Json later = find();
  const Json& served = later.at("batches").back();
  EXPECT_EQ(stored(served).source, VectorSource::cache);
  EXPECT_EQ(submit(served).at("action"), "delivered");
  EXPECT_TRUE(stored(served).openai_batch_id.empty()) << "it never reached the provider";
  submit(found.at("batches").front());
  pipeline.collect(found.at("batches").front().at("batch_id"));
  publish();
  const Census census = pipeline.census();
  EXPECT_EQ(census.published, 5U);
  EXPECT_TRUE(census.adds_up());
  EXPECT_EQ(vector_of(line_of(first, 2)), vector_of(line_of(second, 1)));
}

TEST_F(EqualTextsTest, InOneRunOnlyTheFirstOfTwoBatchesSendsWhatTheyShare) {
  pipeline.settings.batch.items_max = 2;
  pipeline.import(first);
  pipeline.import(second);
  const Json found = find();
  std::vector<std::string> all;
  for (const Json& batch : found.at("batches")) std::ranges::copy(texts_sent(batch), std::back_inserter(all));
  std::ranges::sort(all);
  EXPECT_EQ(all, (std::vector<std::string>{"BREAD 1.89", "MILK 1.29", "TOTAL"}));
  EXPECT_EQ(found.at("waiting_total"), 1);
}

TEST_F(EqualTextsTest, AnItemThatComesBackIsServedFromTheCache) {
  pipeline.import(first);
  pipeline.run();
  must(remove_receipt(first.image_id, first.receipt_id, pipeline.ports, pipeline.context));
  pipeline.flush();
  pipeline.import(first);
  const Json found = find();
  ASSERT_EQ(found.at("batches_total"), 1);
  EXPECT_EQ(stored(found.at("batches").front()).source, VectorSource::cache);
  submit(found.at("batches").front());
  publish();
  EXPECT_EQ(pipeline.census().published, 3U);
}

TEST_F(EqualTextsTest, ItemsWhoseVectorHasLeftTheCacheMeanwhileGoBackWithoutAnAttempt) {
  pipeline.import(first);
  pipeline.run();
  pipeline.import(second);
  const Json found = find();
  must(pipeline.cache->clear());
  for (const Json& batch : found.at("batches")) submit(batch);
  EXPECT_EQ(pipeline.row(line_of(second, 1)).at("embedding_status"), "NONE");
  EXPECT_EQ(pipeline.row(line_of(second, 1)).at("attempts"), 0);
  const Json again = find();
  EXPECT_EQ(texts_sent(again.at("batches").front()), std::vector<std::string>{"TOTAL"});
}

TEST_F(EqualTextsTest, ATextThatTheProviderRefusesIsRefusedForAllItsItems) {
  pipeline.import(first);
  const Json batch = find().at("batches").front();
  submit(batch);
  const Json line = {{"custom_id", line_of(first, 1).str()},
                     {"response", nullptr},
                     {"error", {{"code", "invalid_request"}, {"message", "no words in it"}}}};
  pipeline.scripted.end_all(ProviderStatus::completed, std::nullopt, to_text(line) + "\n");
  EXPECT_EQ(pipeline.poll(batch.at("batch_id")).at("released_count"), 3);
  for (const int number : {1, 2, 3}) EXPECT_EQ(pipeline.row(line_of(first, number)).at("attempts"), 1);
  EXPECT_EQ(texts_sent(find().at("batches").front()).size(), 2U) << "the batch gave its texts up";
}

TEST_F(EqualTextsTest, WhatWasPaidForIsKeptThoughItsReceiptIsGone) {
  pipeline.import(first);
  const Json batch = find().at("batches").front();
  submit(batch);
  must(remove_receipt(first.image_id, first.receipt_id, pipeline.ports, pipeline.context));
  EXPECT_EQ(pipeline.collect(batch.at("batch_id")).at("embedding_count"), 0);
  EXPECT_EQ(must(pipeline.cache->contains(std::array{key_of("MILK 1.29"), key_of("TOTAL")})),
            (std::vector<bool>{true, true}));
}

TEST_F(EqualTextsTest, OfEightBatchesThatClaimATextAtOnceOneHasIt) {
  std::vector<std::string> batches;
  for (int i = 0; i < 8; ++i) {
    Batch batch{.id = BatchId(fmt::format("batch-{}", i)), .created_ms = pipeline.clock.now_ms()};
    must(pipeline.table->write(Put{batch_row(batch, {})}));
    batches.push_back(batch.id.str());
  }
  const std::array keys = {key_of("MILK"), key_of("TOTAL")};
  std::array<std::atomic<int>, 2> owners{};
  {
    std::vector<std::jthread> threads;
    for (const std::string& batch : batches) {
      threads.emplace_back([&] {
        const auto won = must(claim_texts(BatchId(batch), keys, pipeline.ports));
        for (std::size_t i = 0; i < keys.size(); ++i) owners.at(i) += won[i] ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(owners[0], 1);
  EXPECT_EQ(owners[1], 1);
}

TEST_F(EqualTextsTest, TheClaimOfABatchThatIsOverIsTakenOver) {
  Batch over{.id = BatchId("over"), .created_ms = pipeline.clock.now_ms()};
  must(pipeline.table->write(Put{batch_row(over, {})}));
  const std::array keys = {key_of("MILK")};
  EXPECT_TRUE(must(claim_texts(over.id, keys, pipeline.ports)).front());
  const BatchId next("next");
  EXPECT_FALSE(must(claim_texts(next, keys, pipeline.ports)).front());
  must(pipeline.table->write(
      Update{.key = batch_row_key(over.id), .set = batch_status_keys(over.id, Entity::line, BatchStatus::cancelled)}));
  EXPECT_TRUE(must(claim_texts(next, keys, pipeline.ports)).front());
}

TEST_F(EqualTextsTest, AFewItemsAreSentAtOnceIfTheSettingsSaySo) {
  pipeline.settings.direct_items_max = 10;
  pipeline.import(first);
  const Json batch = find().at("batches").front();
  EXPECT_EQ(stored(batch).source, VectorSource::call);
  EXPECT_EQ(submit(batch).at("embedding_count"), 3);
  publish();
  EXPECT_EQ(pipeline.census().published, 3U);
  EXPECT_TRUE(must(pipeline.cache->contains(std::array{key_of("TOTAL")})).front()) << "the call's vectors are kept too";
}

TEST_F(EqualTextsTest, MoreItemsThanAFewGoIntoBatches) {
  pipeline.settings.direct_items_max = 2;
  pipeline.import(first);
  pipeline.import(receipt_with({"EGGS", "FLOUR", "SALT"}, kThirdImage));
  EXPECT_EQ(stored(find().at("batches").front()).source, VectorSource::batch);
}

/// One after another each call outside is the last one: a later run makes up for it, and no text is sent twice.
TEST_F(EqualTextsTest, ACrashAtAnyCallLosesNothingAndLeavesNoTextWaiting) {
  for (int call = 0;; ++call) {
    Pipeline whole;
    whole.import(receipt_with({"MILK 1.29", "TOTAL", "MILK 1.29"}));
    whole.run();
    whole.import(receipt_with({"TOTAL", "BREAD 1.89", "BREAD 1.89"}, kSecondImage));
    FailingPorts ports(whole.ports, Outage::crash_at(call));
    const auto run = [&](const Ports& through) -> Result<void> {
      const Json found = TRY(find_unembedded(Json::object(), through, whole.context));
      for (const Json& batch : found.at("batches")) TRY(submit_batch(batch, through, whole.context));
      return {};
    };
    const bool finished = run(ports.ports()).has_value();
    whole.clock.advance(whole.settings.submit_lease_ms + 1);
    for (int rounds = 0; rounds < 3; ++rounds) {
      must(run(whole.ports));
      const Json pending = must(list_pending(whole.line_event(), whole.ports, whole.context));
      for (const Json& batch : pending.at("pending_batches")) whole.collect(batch.at("batch_id"));
      whole.merge();
      whole.complete();
    }
    const Census census = whole.census();
    EXPECT_EQ(census.published, 6U) << "crash at call " << call;
    EXPECT_TRUE(census.adds_up());
    if (finished) break;
  }
}

}  // namespace
}  // namespace tillite::testing
