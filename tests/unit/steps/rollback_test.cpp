#include "steps/generations/rollback.h"

#include <gtest/gtest.h>

#include "steps/compact.h"
#include "support/pipeline.h"

// An older version's content is published anew: nothing that was done since is silently lost, nothing removed comes
// back.

namespace tillite {
namespace {

using testing::line_of;
using testing::must;
using testing::Pipeline;
using testing::receipt_with;

class Rollback : public ::testing::Test {
 protected:
  std::int64_t newest_version() {
    return must(ManifestLog(*pipeline.vectors, "receipt_lines", 1).newest()).value().number;
  }
  EmbeddingStatus status_of(const RecordId& id) { return must(item_state(pipeline.row(id))).status; }
  Result<Json> roll_back_to(std::int64_t version) {
    return roll_back(Entity::line, version, pipeline.ports, pipeline.context);
  }

  Pipeline pipeline;
};

TEST_F(Rollback, PublishesTheOlderContentAndEmbedsWhatCameSinceAgain) {
  const Receipt first = receipt_with({"oat milk", "rye bread"});
  const Receipt second = receipt_with({"green tea"}, "6f1ed002-ab5f-4a3c-9d2e-000000000002");
  pipeline.import(first);
  pipeline.run();
  const std::int64_t older = newest_version();
  pipeline.import(second);
  pipeline.run();
  ASSERT_EQ(pipeline.stored_ids().size(), 3U);

  const Json result = must(roll_back_to(older));
  EXPECT_EQ(result.at("items_to_embed"), 1);
  EXPECT_EQ(result.at("vectors"), 2);
  EXPECT_EQ(pipeline.stored_ids().size(), 2U);
  EXPECT_EQ(status_of(line_of(first, 1)), EmbeddingStatus::success);
  EXPECT_EQ(status_of(line_of(second, 1)), EmbeddingStatus::none);
  EXPECT_TRUE(pipeline.census().adds_up());

  pipeline.run();
  EXPECT_EQ(pipeline.stored_ids().size(), 3U);
  EXPECT_EQ(status_of(line_of(second, 1)), EmbeddingStatus::success);
  EXPECT_TRUE(pipeline.census().adds_up());
}

TEST_F(Rollback, MergesNoDeltaTwice) {
  pipeline.import(receipt_with({"oat milk"}));
  pipeline.run();
  const std::int64_t older = newest_version();
  pipeline.import(receipt_with({"green tea"}, "6f1ed002-ab5f-4a3c-9d2e-000000000002"));
  pipeline.run();
  const auto consumed = must(ManifestLog(*pipeline.vectors, "receipt_lines", 1).newest()).value().consumed;

  must(roll_back_to(older));
  const auto after = must(ManifestLog(*pipeline.vectors, "receipt_lines", 1).newest()).value();
  EXPECT_EQ(after.consumed, consumed);
  EXPECT_EQ(must(compact_collection(Entity::line, pipeline.ports, pipeline.context)).at("deltas_consumed"), 0);
}

TEST_F(Rollback, BringsNoRemovedItemBack) {
  const Receipt kept = receipt_with({"oat milk"});
  const Receipt removed = receipt_with({"green tea"}, "6f1ed002-ab5f-4a3c-9d2e-000000000002");
  pipeline.import(kept);
  pipeline.import(removed);
  pipeline.run();
  const std::int64_t older = newest_version();
  must(remove_receipt(removed.image_id, 1, pipeline.ports, pipeline.context));
  pipeline.flush();
  pipeline.merge();
  ASSERT_EQ(pipeline.stored_ids().size(), 1U);

  const Json result = must(roll_back_to(older));
  EXPECT_EQ(result.at("vectors"), 1);
  EXPECT_EQ(pipeline.stored_ids(), (std::map<std::string, std::int64_t>{{line_of(kept, 1).str(), 1}}));
}

TEST_F(Rollback, EmbedsAChangedTextAgainAndShowsTheOlderOneUntilThen) {
  const Receipt before = receipt_with({"oat milk"});
  const Receipt after = receipt_with({"soy milk"});
  pipeline.import(before);
  pipeline.run();
  const std::int64_t older = newest_version();
  pipeline.import(after);
  pipeline.run();
  ASSERT_EQ(pipeline.stored_ids().at(line_of(after, 1).str()), 2);

  must(roll_back_to(older));
  EXPECT_EQ(pipeline.stored_ids().at(line_of(after, 1).str()), 1);
  EXPECT_EQ(status_of(line_of(after, 1)), EmbeddingStatus::none);
  pipeline.run();
  EXPECT_EQ(pipeline.stored_ids().at(line_of(after, 1).str()), 2);
}

TEST_F(Rollback, KeepsMetadataThatChangedSince) {
  Receipt receipt = receipt_with({"oat milk"});
  pipeline.import(receipt);
  pipeline.run();
  const std::int64_t older = newest_version();
  receipt.merchant = "other pantry";
  pipeline.import(receipt);
  pipeline.merge();

  EXPECT_EQ(must(roll_back_to(older)).at("changes_told_again"), 1);
  const testing::TempFolder scratch = testing::TempFolder::in_memory();
  const auto view = must(CollectionView::open(*pipeline.vectors, pipeline.binding(), scratch.path()));
  const auto records = must(view.get({line_of(receipt, 1)}, false));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records.front().metadata.at("merchant_name"), "Other Pantry");
}

TEST_F(Rollback, CompletesMergedBatchesFirstSoThatNoneOfTheirItemsIsCalledPublishedLater) {
  const Receipt first = receipt_with({"oat milk"});
  const Receipt second = receipt_with({"green tea"}, "6f1ed002-ab5f-4a3c-9d2e-000000000002");
  pipeline.import(first);
  pipeline.run();
  const std::int64_t older = newest_version();
  pipeline.import(second);
  for (const std::string& batch : pipeline.submit_all()) pipeline.collect(batch);
  pipeline.merge();  // and then the process died: nobody completed the batch
  ASSERT_EQ(status_of(line_of(second, 1)), EmbeddingStatus::pending);

  must(roll_back_to(older));
  pipeline.complete();
  EXPECT_EQ(status_of(line_of(second, 1)), EmbeddingStatus::none);
  EXPECT_TRUE(pipeline.census().adds_up());
}

TEST_F(Rollback, RefusesAVersionThatIsNotThere) {
  pipeline.import(receipt_with({"oat milk"}));
  pipeline.run();
  const auto refused = roll_back_to(newest_version() + 50);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::not_found);
  EXPECT_EQ(status_of(line_of(receipt_with({"oat milk"}), 1)), EmbeddingStatus::success);
}

}  // namespace
}  // namespace tillite
