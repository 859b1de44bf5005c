#include <gtest/gtest.h>

#include "steps/batches/completion.h"
#include "steps/batches/item_claims.h"
#include "steps/batches/unembedded.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

class FindTest : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"});

  Json find() { return must(find_unembedded(Json::object(), pipeline.ports, pipeline.context)); }
  /// A batch that was written down with all lines of the receipt, and no more.
  Batch write_down(const std::string& id) {
    std::vector<BatchItem> items;
    for (const auto& [record, input] : embedding_inputs(receipt, InputFormat::line_plain_1)) {
      items.push_back({record, input_hash(input), 1, ""});
    }
    Batch batch{.id = BatchId(id),
                .item_count = static_cast<std::int64_t>(items.size()),
                .generation = 1,
                .embedding_format = pipeline.binding().input_format,
                .created_ms = pipeline.clock.now_ms()};
    batch.items_key =
        must(store_by_content(*pipeline.batch_files, "line_embeddings", id, ".items.ndjson", items_text(items))).str();
    must(pipeline.table->write(Put{batch_row(batch, items)}));
    return batch;
  }
  std::string requests_of(const std::string& batch) {
    return must(
        read_object(*pipeline.batch_files, ObjectKey(must(read_batch(*pipeline.table, BatchId(batch))).requests_key)));
  }
};

TEST_F(FindTest, SendsOnlyTheItemsThatItsBatchWon) {
  pipeline.import(receipt);
  write_down("first");
  must(pipeline.table->write(Update{.key = row_key(line_of(receipt, 2)),
                                    .set = {{"embedding_status", "PENDING"}, {"embedding_batch_id", "another"}}}));
  const Json found = find();
  EXPECT_EQ(found.at("items_total"), 2);
  const std::string requests = requests_of("first");
  EXPECT_NE(requests.find("MILK"), std::string::npos);
  EXPECT_EQ(requests.find("BREAD"), std::string::npos);
  EXPECT_EQ(pipeline.row(line_of(receipt, 2)).at("embedding_batch_id"), "another");
}

TEST_F(FindTest, OfPreparedBatchesOnlySoManyAsARunMayHaveAreTakenUpTheOldestFirst) {
  pipeline.settings.batch.items_max = 1;
  pipeline.import(receipt);
  const Json all = find().at("batches");
  ASSERT_EQ(all.size(), 3U);
  pipeline.settings.batches_per_run = 2;
  const Json some = find();
  EXPECT_EQ(some.at("batches_total"), 2);
  EXPECT_EQ(some.at("more"), true);
  EXPECT_EQ(find().at("batches"), some.at("batches"));
}

TEST_F(FindTest, OfTwoBatchesThatWantTheSameItemsEachItemIsInOne) {
  pipeline.import(receipt);
  const Batch first = write_down("first");
  const Batch second = write_down("second");
  const auto items = must(read_items(*pipeline.batch_files, first));
  const CollectionBinding binding = pipeline.binding();
  EXPECT_EQ(must(claim_and_write_requests(first, items, binding, pipeline.ports, pipeline.context)).item_count, 3);
  const Batch empty = must(claim_and_write_requests(second, items, binding, pipeline.ports, pipeline.context));
  EXPECT_EQ(empty.status, BatchStatus::cancelled) << "nothing was left for it: it ends";
  EXPECT_FALSE(empty.error_summary.empty());
}

TEST_F(FindTest, ClaimingTwiceGivesTheSameRequests) {
  pipeline.import(receipt);
  const Batch batch = write_down("first");
  const auto items = must(read_items(*pipeline.batch_files, batch));
  const CollectionBinding binding = pipeline.binding();
  const Batch once = must(claim_and_write_requests(batch, items, binding, pipeline.ports, pipeline.context));
  const Batch again = must(claim_and_write_requests(batch, items, binding, pipeline.ports, pipeline.context));
  EXPECT_EQ(once.requests_key, again.requests_key);
}

TEST_F(FindTest, WhatChangedAfterTheBatchWasWrittenDownIsLeftToTheNext) {
  pipeline.import(receipt);
  write_down("first");
  receipt.lines[0].text = "OAT MILK 2.19";
  pipeline.import(receipt);
  const Json found = find();
  EXPECT_EQ(found.at("batches_total"), 2);
  EXPECT_EQ(found.at("items_total"), 3);
  EXPECT_EQ(requests_of("first").find("MILK"), std::string::npos);
}

TEST_F(FindTest, AWordWhoseNeighbourChangedIsFoundAgain) {
  receipt.lines[0].words = {{.word_id = 1, .text = "OAT", .box = {0.1, 0.9, 0.1, 0.02}},
                            {.word_id = 2, .text = "MILK", .box = {0.3, 0.9, 0.1, 0.02}}};
  pipeline.import(receipt);
  receipt.lines[0].words[0].text = "SOY";
  pipeline.import(receipt);
  const RecordId neighbour = word_record_id(receipt.image_id, 1, 1, 2);
  EXPECT_EQ(pipeline.row(neighbour).at("item_version"), 2);
}

TEST_F(FindTest, ADamagedReceiptDoesNotStopTheOthers) {
  pipeline.import(receipt);
  const Receipt other = receipt_with({"TEA 2.49"}, "0c4f5a3b-ab5f-4a3c-9d2e-6f1ed0022c1d");
  pipeline.import(other);
  must(pipeline.table->write(Update{.key = row_key(line_of(other, 1)), .set = {{"bounding_box", "none"}}}));
  const Json found = find();
  EXPECT_EQ(found.at("items_total"), 3);
  EXPECT_EQ(found.at("passed_over"), 1);
}

TEST_F(FindTest, APreparedBatchWhoseListIsGoneDoesNotStopTheOthers) {
  const Batch damaged = write_down("first");
  must(pipeline.batch_files->remove(ObjectKey(damaged.items_key)));
  pipeline.import(receipt);
  const Json found = find();
  EXPECT_EQ(found.at("items_total"), 3);
  EXPECT_EQ(found.at("passed_over"), 1);
}

TEST_F(FindTest, AnItemThatWasImportedAnewBetweenReadingAndClaimingIsLeftToTheNextRun) {
  pipeline.import(receipt);
  const auto binding = pipeline.binding();
  const auto stored = must(load_receipt(*pipeline.table, receipt.image_id, receipt.receipt_id));
  auto items = must(unembedded_items(*stored, binding, pipeline.clock.now_ms(), InputLimit()));
  const Batch batch = write_down("slow");
  Receipt corrected = receipt;
  corrected.lines[0].text = corrected.lines[0].words[0].text = "MILK 1.39";
  pipeline.import(corrected);

  const Batch claimed =
      must(claim_and_write_requests(batch, std::move(items), binding, pipeline.ports, pipeline.context));
  EXPECT_EQ(claimed.item_count, 2) << "the text that it has read is not the item's any more";
  EXPECT_EQ(pipeline.row(line_of(receipt, 1)).at("embedding_status"), "NONE");
  EXPECT_EQ(pipeline.row(line_of(receipt, 1)).at("input_hash"), input_hash("MILK 1.39"));
  EXPECT_EQ(requests_of("slow").find("MILK"), std::string::npos);
}

TEST_F(FindTest, ABatchThatWasEndedWhileItsItemsWereClaimedGivesThemBack) {
  pipeline.import(receipt);
  const Batch batch = write_down("slow");
  const auto items = must(read_items(*pipeline.batch_files, batch));
  must(end_batch(batch, BatchStatus::cancelled, "somebody wants it no more", pipeline.ports, pipeline.settings));
  const Batch claimed =
      must(claim_and_write_requests(batch, items, pipeline.binding(), pipeline.ports, pipeline.context));
  EXPECT_EQ(claimed.status, BatchStatus::cancelled);
  for (const int line : {1, 2, 3}) EXPECT_EQ(pipeline.row(line_of(receipt, line)).at("embedding_status"), "NONE");
}

TEST_F(FindTest, APreparedBatchWhoseListIsLostEndsAndItsItemsGoIntoAnother) {
  pipeline.import(receipt);
  const Batch batch = write_down("damaged");
  must(pipeline.table->write(Update{.key = row_key(line_of(receipt, 2)),
                                    .set = {{"embedding_status", "PENDING"},
                                            {"GSI1PK", "EMBEDDING_STATUS#PENDING"},
                                            {"embedding_batch_id", "damaged"}}}));
  must(pipeline.batch_files->remove(ObjectKey(batch.items_key)));
  const Json found = find();
  EXPECT_EQ(found.at("passed_over"), 1);
  EXPECT_EQ(must(read_batch(*pipeline.table, batch.id)).status, BatchStatus::cancelled);
  EXPECT_EQ(found.at("items_total"), 3);
}

}  // namespace
}  // namespace tillite::testing
