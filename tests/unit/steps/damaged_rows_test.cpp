// A row that cannot be read is counted and told, and its neighbours go on.
#include <gtest/gtest.h>

#include "steps/batches/batch.h"
#include "steps/batches/provider_files.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

class DamagedRows : public ::testing::Test {
 protected:
  Pipeline pipeline;
  Receipt first = receipt_with({"MILK 1.29", "BREAD 1.89"});
  Receipt second = receipt_with({"TEA 2.49"}, "7a2fd113-bc60-4b4d-8e3f-1d5a6b4c3d2e");

  void damage(const ItemKey& key, const std::string& attribute) {
    must(pipeline.table->write(Update{.key = key, .set = {{attribute, Json::array({"damaged"})}}}));
  }
  void damage_batch(const std::string& id) { damage(batch_row_key(BatchId(id)), "item_count"); }
  Json list() { return must(list_pending(pipeline.line_event(), pipeline.ports, pipeline.context)); }
  std::string batch_of(const Receipt& receipt) { return pipeline.row(line_of(receipt, 1)).at("embedding_batch_id"); }
};

TEST_F(DamagedRows, ABatchThatCannotBeReadStopsNoOther) {
  pipeline.settings.batch.items_max = 2;
  pipeline.import(first);
  pipeline.import(second);
  ASSERT_EQ(pipeline.submit_all().size(), 2U);
  damage_batch(batch_of(first));
  EXPECT_EQ(pipeline.census().batches.at("UNREADABLE"), 1U);
  EXPECT_TRUE(pipeline.census().adds_up());
  const Json listed = list();
  EXPECT_EQ(listed.at("pending_total"), 1);
  EXPECT_EQ(listed.at("batches_unreadable"), 1);
  pipeline.collect(batch_of(second));
  pipeline.merge();
  const Json completed = pipeline.complete();
  EXPECT_EQ(completed.at("items_completed"), 1);
  EXPECT_EQ(completed.at("batches_unreadable"), 1);
  pipeline.run();  // what it had claimed is free again
  EXPECT_EQ(pipeline.census().published, 3U);
  EXPECT_TRUE(pipeline.census().adds_up());
}

TEST_F(DamagedRows, APreparedBatchThatCannotBeReadIsPassedOver) {
  pipeline.import(first);
  must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
  damage_batch(batch_of(first));
  const Json found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
  EXPECT_EQ(found.at("passed_over"), 1);
  EXPECT_EQ(found.at("items_total"), 2) << "its items are in another batch";
}

TEST_F(DamagedRows, ABatchThatDoesNotSayItsFilesKeepsNoOthersAtTheProvider) {
  pipeline.settings.batch.items_max = 2;
  pipeline.import(first);
  pipeline.import(second);
  const auto batches = pipeline.submit_all();
  ASSERT_EQ(batches.size(), 2U);
  for (const std::string& batch : batches) pipeline.collect(batch);
  pipeline.merge();
  pipeline.scripted.deletes_nothing = true;
  pipeline.complete();
  pipeline.scripted.deletes_nothing = false;
  // Whichever of the two comes first.
  const std::string damaged = std::ranges::min(batches);
  const std::string other = std::ranges::max(batches);
  damage_batch(damaged);
  EXPECT_EQ(pipeline.complete().at("batches_unreadable"), 1);
  EXPECT_TRUE(must(read_batch(*pipeline.table, BatchId(other))).files_left.empty());
  const auto deleted = must(delete_files_left(Entity::line, 1'000'000, pipeline.ports, pipeline.context));
  EXPECT_EQ(deleted.unreadable, 1U);
  EXPECT_TRUE(deleted.all);
}

TEST_F(DamagedRows, AReceiptThatCannotBeReadKeepsNoBatchFromBeingCollected) {
  pipeline.import(first);
  pipeline.import(second);
  const auto batches = pipeline.submit_all();
  ASSERT_EQ(batches.size(), 1U);
  const ItemKey line = row_key(line_of(second, 1));
  const Json box = pipeline.row(line_of(second, 1)).at("bounding_box");
  damage(line, "bounding_box");
  const Json collected = pipeline.collect(batches.front());
  EXPECT_EQ(collected.at("embedding_count"), 2);
  EXPECT_EQ(collected.at("released_count"), 1);
  EXPECT_EQ(pipeline.row(line_of(second, 1)).at("attempts"), 0) << "it is no fault of the item's";
  pipeline.merge();
  EXPECT_EQ(pipeline.complete().at("items_completed"), 2);

  must(pipeline.table->write(Update{.key = line, .set = {{"bounding_box", box}}}));
  const auto found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context)).at("batches");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(must(submit_batch(found.front(), pipeline.ports, pipeline.context)).at("action"), "delivered")
      << "its vector was paid for";
}

TEST_F(DamagedRows, AnItemThatCannotBeReadKeepsNoBatchFromBeingCollected) {
  pipeline.import(first);
  pipeline.import(second);
  const auto batches = pipeline.submit_all();
  damage(row_key(line_of(second, 1)), "attempts");
  EXPECT_EQ(pipeline.collect(batches.front()).at("embedding_count"), 2);
  pipeline.merge();
  EXPECT_EQ(pipeline.complete().at("items_completed"), 2);
  EXPECT_TRUE(pipeline.census().adds_up());
  EXPECT_EQ(pipeline.census().held, 1U) << "no run waits for it";
  pipeline.import(receipt_with({"EGGS 2.49"}, "0c4f5a3b-ab5f-4a3c-9d2e-6f1ed0022c1d"));
  pipeline.run();
  EXPECT_EQ(pipeline.census().published, 3U);
}

TEST_F(DamagedRows, AKeyThatIsNoItemsStopsNoFind) {
  must(pipeline.table->write(Put{{{"PK", "IMAGE#somebody"},
                                  {"SK", "RECEIPT#one#LINE#first"},
                                  {"TYPE", "RECEIPT_LINE"},
                                  {"GSI1PK", "EMBEDDING_STATUS#NONE"},
                                  {"GSI1SK", "LINE#IMAGE#somebody#RECEIPT#one#LINE#first"}}}));
  pipeline.import(first);
  const Json found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
  EXPECT_EQ(found.at("batches").size(), 1U);
}

TEST_F(DamagedRows, AChangeOfAReceiptThatCannotBeReadWaitsAlone) {
  pipeline.import(first);
  pipeline.import(second);
  pipeline.run();
  const Json box = pipeline.row(line_of(second, 1)).at("bounding_box");
  for (Receipt* receipt : {&first, &second}) {
    receipt->merchant = "another pantry";
    must(import_receipt(*receipt, false, pipeline.ports, pipeline.context));
  }
  damage(row_key(line_of(second, 1)), "bounding_box");
  pipeline.flush();
  EXPECT_EQ(pipeline.census().changes_waiting, 1U);
  must(pipeline.table->write(Update{.key = row_key(line_of(second, 1)), .set = {{"bounding_box", box}}}));
  pipeline.flush();
  EXPECT_EQ(pipeline.census().changes_waiting, 0U);
}

}  // namespace
}  // namespace tillite::testing
