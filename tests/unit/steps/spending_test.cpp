// What the submits of one run spend together never exceeds its budget.
#include "steps/batches/spending.h"

#include <gtest/gtest.h>

#include "support/pipeline.h"

namespace tillite::testing {
namespace {

constexpr const char* kSecondImage = "7a2fd113-bc60-4b4d-8e3f-1d5a6b4c3d2e";

Batch batch_named(const std::string& id, VectorSource source = VectorSource::batch) {
  return {.id = BatchId(id), .source = source};
}

TEST(Spending, AllowsWhatTheBudgetOfTokensHasRoomForAndSaysWhatItRefused) {
  Spending spending({.tokens = 100});
  const EmbeddingModel model{.name = "a-model"};
  EXPECT_TRUE(spending.allows(batch_named("a"), model, 60));
  EXPECT_FALSE(spending.allows(batch_named("b"), model, 41));
  EXPECT_TRUE(spending.allows(batch_named("c"), model, 40)) << "a smaller one has room";
  EXPECT_EQ(spending.refused().batches, 1U);
  EXPECT_EQ(spending.refused().tokens, 41U);
}

TEST(Spending, ARepeatedSubmitIsCountedOnceAndGetsTheSameAnswer) {
  Spending spending({.tokens = 100});
  const EmbeddingModel model{.name = "a-model"};
  for (int tries = 0; tries < 3; ++tries) {
    EXPECT_TRUE(spending.allows(batch_named("a"), model, 60));
    EXPECT_FALSE(spending.allows(batch_named("b"), model, 60));
  }
  EXPECT_EQ(spending.refused().batches, 1U);
}

TEST(Spending, AnAmountIsCountedByThePriceOfEachModelInABatchOrByCall) {
  Spending spending({.amount = Dollars{3'000'000}});
  const EmbeddingModel cheap{.name = "cheap", .price_per_million = Dollars{2'000'000}};
  const EmbeddingModel dear{.name = "dear", .price_per_million = Dollars{4'000'000}};
  EXPECT_TRUE(spending.allows(batch_named("a"), cheap, 1'000'000)) << "1 dollar";
  EXPECT_FALSE(spending.allows(batch_named("b", VectorSource::call), dear, 1'000'000)) << "4 dollars";
  EXPECT_TRUE(spending.allows(batch_named("c"), dear, 1'000'000)) << "2 dollars";
  EXPECT_FALSE(spending.allows(batch_named("d"), cheap, 1));
  EXPECT_FALSE(spending.allows(batch_named("e"), {.name = "unknown"}, 1)) << "nobody knows what it costs";
}

TEST(Spending, WhatIsImportedAfterThePlanStaysPreparedWithoutRoomForIt) {
  Pipeline pipeline;
  pipeline.import(receipt_with({"MILK 1.29"}));
  const std::uint64_t planned = must(cl100k_base().count_tokens("MILK 1.29"));
  pipeline.context.spending = std::make_shared<Spending>(Budget{.tokens = planned});
  EXPECT_EQ(pipeline.submit_all().size(), 1U);
  pipeline.import(receipt_with({"BREAD 1.89"}, kSecondImage));
  const Json found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context)).at("batches");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(must(submit_batch(found.front(), pipeline.ports, pipeline.context)).at("action"), "wait");
  EXPECT_EQ(pipeline.context.spending->refused().batches, 1U);

  pipeline.context.spending = nullptr;  // a later run, without a budget
  EXPECT_EQ(must(submit_batch(found.front(), pipeline.ports, pipeline.context)).at("action"), "submitted");
}

TEST(Spending, VectorsFromTheCacheCostNothing) {
  Pipeline pipeline;
  pipeline.import(receipt_with({"MILK 1.29"}));
  pipeline.run();
  pipeline.import(receipt_with({"MILK 1.29"}, kSecondImage));
  pipeline.context.spending = std::make_shared<Spending>(Budget{.tokens = 0});
  const Json found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context)).at("batches");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(must(submit_batch(found.front(), pipeline.ports, pipeline.context)).at("action"), "delivered");
}

}  // namespace
}  // namespace tillite::testing
