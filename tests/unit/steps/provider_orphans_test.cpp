#include "steps/batches/provider_orphans.h"

#include <gtest/gtest.h>

#include "base/uuid.h"
#include "steps/batches/submission.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

class ProviderOrphans : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89"});
  BatchId id;

  void SetUp() override {
    pipeline.import(receipt);
    const Json found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
    id = BatchId(found.at("batches").front().at("batch_id").get<std::string>());
  }
  void submit() { must(submit_batch({{"batch_id", id.str()}}, pipeline.ports, pipeline.context)); }
  Batch row() { return must(read_batch(*pipeline.table, id)); }
  Orphans find() { return must(find_orphans(pipeline.ports)); }
  ProviderFileId upload(const std::string& name) {
    const auto source = source_of("a request\n");
    return must(pipeline.provider.upload(*source, name));
  }
  ProviderBatch create(const std::string& own_id) {
    pipeline.clock.advance(1);
    return must(pipeline.provider.create_batch(upload("requests.ndjson"), {{std::string(kOwnIdKey), own_id}}));
  }
};

TEST_F(ProviderOrphans, AreNoneWhereEveryRowKnowsItsBatch) {
  submit();
  must(pipeline.provider.create_batch(upload("of somebody else.jsonl"), {{"their_id", "7"}}));
  const Orphans orphans = find();
  EXPECT_TRUE(orphans.batches.empty());
  EXPECT_TRUE(orphans.files.empty());
}

TEST_F(ProviderOrphans, ABatchWhoseRowWaitsForItIsAdoptedAndPolled) {
  submit();
  const ProviderBatchId created = row().openai_batch_id;
  must(pipeline.table->write(Update{.key = batch_row_key(id), .remove = {"openai_batch_id"}}));
  const Orphans orphans = find();
  ASSERT_EQ(orphans.batches.size(), 1U);
  EXPECT_TRUE(orphans.batches[0].is_adoptable);
  EXPECT_EQ(orphans.batches[0].own_id, id);
  EXPECT_TRUE(orphans.files.empty()) << "its input is needed";
  EXPECT_TRUE(must(adopt(orphans.batches[0], pipeline.ports, pipeline.context)));
  EXPECT_EQ(row().openai_batch_id, created);
  EXPECT_FALSE(must(adopt(orphans.batches[0], pipeline.ports, pipeline.context))) << "once";
  EXPECT_TRUE(find().batches.empty());
  pipeline.collect(id.str());
  pipeline.merge();
  pipeline.complete();
  EXPECT_EQ(pipeline.census().published, 2U);
}

TEST_F(ProviderOrphans, ABatchThatIsBeingSubmittedIsNone) {
  submit();
  must(pipeline.table->write(
      Update{.key = batch_row_key(id),
             .set = {{"submit_token", "other"}, {"submit_until_ms", pipeline.clock.now_ms() + 1000}},
             .remove = {"openai_batch_id"}}));
  EXPECT_TRUE(find().batches.empty());
  pipeline.clock.advance(1000);
  EXPECT_EQ(find().batches.size(), 1U);
}

TEST_F(ProviderOrphans, BatchesThatNoRowKnowsOrWhoseRowNamesAnotherAreToldApart) {
  submit();
  const auto unknown = create(uuid4(pipeline.random.bytes()));
  const auto second = create(id.str());
  const auto orphans = find().batches;
  ASSERT_EQ(orphans.size(), 2U);
  EXPECT_EQ(orphans[0].batch.id, second.id);
  EXPECT_NE(orphans[0].why.find(row().openai_batch_id.str()), std::string::npos) << orphans[0].why;
  EXPECT_EQ(orphans[1].batch.id, unknown.id);
  EXPECT_EQ(orphans[1].why, "no batch of this home that can be read has its id");
  for (const OrphanBatch& orphan : orphans) {
    EXPECT_FALSE(orphan.is_adoptable);
    must(pipeline.provider.cancel(orphan.batch.id));
  }
  EXPECT_TRUE(find().batches.empty()) << "what has ended costs nothing any more";
}

TEST_F(ProviderOrphans, AreFoundOnEveryPageOfALongList) {
  for (int number = 0; number < 250; ++number) create(uuid4(pipeline.random.bytes()));
  EXPECT_EQ(find().batches.size(), 250U);
}

TEST_F(ProviderOrphans, InputFilesThatNoBatchNeedsAreFoundByTheirName) {
  const ProviderFileId lost = upload(input_file_name(id));           // uploaded by a submit that could not record it
  upload(input_file_name(BatchId(uuid4(pipeline.random.bytes()))));  // another home's
  submit();
  const auto files = find().files;
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].file.id, lost);
  EXPECT_EQ(files[0].own_id, id);
}

TEST_F(ProviderOrphans, InputFilesOfEndedBatchesAreFoundWhereTheyWereToStay) {
  pipeline.settings.deletes_provider_files = false;
  submit();
  pipeline.collect(id.str());
  pipeline.merge();
  EXPECT_TRUE(find().files.empty());
  pipeline.complete();
  ASSERT_EQ(find().files.size(), 1U);
  EXPECT_EQ(find().files[0].file.id, row().input_file_id);
}

}  // namespace
}  // namespace tillite::testing
