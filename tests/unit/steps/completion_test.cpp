// From a published version back to the items and batches.
#include <gtest/gtest.h>

#include "base/uuid.h"
#include "support/pipeline.h"
#include "vectors/files/tar_gz.h"

namespace tillite::testing {
namespace {

class CompletionTest : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"});
  BatchId batch;

  void SetUp() override {
    pipeline.import(receipt);
    batch = BatchId(pipeline.submit_all().front());
    pipeline.collect(batch.str());
  }
  Batch row() { return must(read_batch(*pipeline.table, batch)); }
  std::string status(int number) { return pipeline.row(line_of(receipt, number)).value("embedding_status", ""); }
  /// What split_into_chunks is told after a poll of this batch that reported `delta`.
  Result<Json> split_after_poll(const DeltaId& delta) {
    return split_into_chunks(
        pipeline.line_event({{"poll_results", {{{"batch_id", batch.str()}, {"delta_id", delta.str()}}}}}),
        pipeline.ports, pipeline.context);
  }
};

TEST_F(CompletionTest, ThatWasCutOffIsMadeUpForByTheNextListPending) {
  pipeline.merge();
  EXPECT_EQ(status(1), "PENDING");
  const Json listed = must(list_pending(pipeline.line_event(), pipeline.ports, pipeline.context));
  EXPECT_EQ(listed.at("pending_total"), 0);
  EXPECT_EQ(status(1), "SUCCESS");
  EXPECT_EQ(row().status, BatchStatus::completed);
}

TEST_F(CompletionTest, LeavesAnItemAloneWhoseTextChangedSinceItsVectorWasStored) {
  receipt.lines[0].text = "OAT MILK 2.19";
  pipeline.import(receipt);
  pipeline.merge();
  EXPECT_EQ(pipeline.complete().at("items_completed"), 2);
  EXPECT_EQ(status(1), "NONE");
  pipeline.run();
  EXPECT_EQ(pipeline.stored_ids().at(line_of(receipt, 1).str()), 2);
}

TEST_F(CompletionTest, LeavesAnItemAloneThatAnotherBatchHas) {
  must(pipeline.table->write(Update{.key = row_key(line_of(receipt, 1)), .set = {{"embedding_batch_id", "another"}}}));
  pipeline.merge();
  EXPECT_EQ(pipeline.complete().at("items_completed"), 2);
  EXPECT_EQ(status(1), "PENDING");
}

TEST_F(CompletionTest, CompletesOnlyBatchesWhoseDeltasAVersionConsumed) {
  const Receipt other = receipt_with({"TEA 2.49"}, "0c4f5a3b-ab5f-4a3c-9d2e-6f1ed0022c1d");
  pipeline.merge();
  pipeline.import(other);
  pipeline.collect(pipeline.submit_all().front());
  EXPECT_EQ(pipeline.complete().at("batches_completed"), 1);
  EXPECT_EQ(pipeline.row(line_of(other, 1)).at("embedding_status"), "PENDING");
}

TEST_F(CompletionTest, RepeatedItChangesNothing) {
  pipeline.merge();
  pipeline.complete();
  const Item before = pipeline.row(line_of(receipt, 1));
  EXPECT_EQ(pipeline.complete().at("batches_completed"), 0);
  EXPECT_EQ(pipeline.row(line_of(receipt, 1)), before);
}

TEST_F(CompletionTest, DoesWithoutADeltaThatWasDamagedAfterItWasMerged) {
  pipeline.merge();
  must(pipeline.vectors->put(ObjectKey(row().delta_key), as_bytes("not a delta")));
  EXPECT_EQ(pipeline.complete().at("items_completed"), 3);
  EXPECT_EQ(status(1), "SUCCESS");
}

TEST_F(CompletionTest, DoesWithoutADeltaThatSeemsToBeOfANewerFormat) {
  pipeline.merge();
  const ScratchFolder room = must(ScratchFolder::create(std::filesystem::temp_directory_path()));
  const std::string header = R"({"format":"tillite-delta/2"})";
  auto archive = must(TarGzWriter::create(room.path() / "delta", 0));
  must(archive.add("delta.json", header.size(), *source_of(header), false));
  must(archive.finish());
  must(pipeline.vectors->put(ObjectKey(row().delta_key), as_bytes(must(read_file(room.path() / "delta")))));
  EXPECT_EQ(pipeline.complete().at("items_completed"), 3);
  EXPECT_EQ(status(1), "SUCCESS");
}

TEST_F(CompletionTest, DoesWithoutDeltaAndListForTheTableKnowsWhatTheBatchStillHas) {
  pipeline.merge();
  must(pipeline.vectors->remove(ObjectKey(row().delta_key)));
  must(pipeline.batch_files->remove(ObjectKey(row().items_key)));
  EXPECT_EQ(pipeline.complete().at("items_completed"), 3);
  EXPECT_EQ(status(1), "SUCCESS");
  EXPECT_EQ(row().status, BatchStatus::completed);
}

TEST_F(CompletionTest, ADeltaThatAPollReportedAndNobodyHasIsALossAndAnError) {
  EXPECT_TRUE(split_after_poll(row().delta_id));
  must(pipeline.vectors->remove(ObjectKey(row().delta_key)));
  const auto split = split_after_poll(row().delta_id);
  ASSERT_FALSE(split);
  EXPECT_EQ(split.error().code(), Code::not_found);
  EXPECT_NE(split.error().message().find(batch.str()), std::string::npos);
}

TEST_F(CompletionTest, ADeltaThatNobodyHasIsNoLossOnceItsBatchHasEnded) {
  const DeltaId forgotten(uuid5("merged and removed long ago"));
  EXPECT_FALSE(split_after_poll(forgotten));
  pipeline.run();
  EXPECT_EQ(must(split_after_poll(forgotten)).at("total_chunks"), 0);
}

}  // namespace
}  // namespace tillite::testing
