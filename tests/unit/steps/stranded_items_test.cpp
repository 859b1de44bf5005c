// Items that were claimed by somebody who was cut off, or came too late.
#include "steps/batches/stranded_items.h"

#include <gtest/gtest.h>

#include "steps/batches/item_claims.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

class StrandedItems : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt receipt = receipt_with({"MILK 1.29", "BREAD 1.89"});
  std::string batch;

  void SetUp() override {
    pipeline.import(receipt);
    batch = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context))
                .at("batches")
                .front()
                .at("batch_id")
                .get<std::string>();
  }
  std::string status(int line) { return pipeline.row(line_of(receipt, line)).at("embedding_status"); }
  void set_status(BatchStatus status) {
    must(pipeline.table->write(
        Update{.key = batch_row_key(BatchId(batch)), .set = batch_status_keys(BatchId(batch), Entity::line, status)}));
  }
  std::size_t release() { return must(release_stranded_items(Entity::line, pipeline.ports, pipeline.context)); }
};

TEST_F(StrandedItems, OfABatchThatHasEndedAreFreeAgain) {
  set_status(BatchStatus::cancelled);
  EXPECT_EQ(release(), 2U);
  EXPECT_EQ(status(1), "NONE");
  EXPECT_EQ(pipeline.row(line_of(receipt, 1)).value("attempts", 0), 0);
  pipeline.run();
  EXPECT_EQ(pipeline.census().published, 2U);
}

TEST_F(StrandedItems, OfABatchThatIsNowhereAreFreeAgain) {
  must(pipeline.table->write(Erase{batch_row_key(BatchId(batch))}));
  EXPECT_EQ(release(), 2U);
}

TEST_F(StrandedItems, OfAnOpenBatchAreLeftAlone) {
  set_status(BatchStatus::in_progress);
  EXPECT_EQ(release(), 0U);
  EXPECT_EQ(status(1), "PENDING");
}

TEST_F(StrandedItems, AreFoundByTheNextRun) {
  set_status(BatchStatus::cancelled);
  pipeline.run();
  const Census census = pipeline.census();
  EXPECT_EQ(census.published, 2U);
  EXPECT_TRUE(census.adds_up());
}

}  // namespace
}  // namespace tillite::testing
