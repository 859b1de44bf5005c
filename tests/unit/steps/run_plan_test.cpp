// A plan says what a run does, before it does it.
#include "steps/reports/run_plan.h"

#include <gtest/gtest.h>

#include "steps/batches/enqueued_tokens.h"
#include "steps/generations/generation.h"
#include "steps/reports/distinct_texts.h"
#include "support/pipeline.h"

namespace tillite::testing {
namespace {

constexpr const char* kSecondImage = "7a2fd113-bc60-4b4d-8e3f-1d5a6b4c3d2e";

class RunPlanTest : public ::testing::Test {
 protected:
  Pipeline pipeline;

  RunPlan plan(std::vector<Entity> entities = {Entity::line}) {
    return must(plan_run(entities, pipeline.ports, pipeline.context));
  }
  EntityPlan lines() { return plan().entities.front(); }
  static std::uint64_t tokens_of_texts(const std::vector<std::string>& texts) {
    std::uint64_t tokens = 0;
    for (const std::string& text : texts) tokens += must(cl100k_base().count_tokens(text));
    return tokens;
  }
  /// What a run that follows really sends.
  std::uint64_t tokens_found() {
    const Json found = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context));
    std::uint64_t tokens = 0;
    for (const Json& batch : found.at("batches")) {
      tokens += static_cast<std::uint64_t>(
          must(read_batch(*pipeline.table, BatchId(batch.at("batch_id").get<std::string>()))).token_count);
    }
    return tokens;
  }
};

TEST_F(RunPlanTest, EqualTextsAreCountedOnce) {
  pipeline.import(receipt_with({"MILK 1.29", "TOTAL", "MILK 1.29", "---"}));
  pipeline.import(receipt_with({"TOTAL", "BREAD 1.89"}, kSecondImage));
  const EntityPlan planned = lines();
  EXPECT_EQ(planned.items, 5U);
  EXPECT_EQ(planned.texts, 3U);
  EXPECT_EQ(planned.tokens, tokens_of_texts({"MILK 1.29", "TOTAL", "BREAD 1.89"}));
  EXPECT_EQ(planned.tokens_of_items, tokens_of_texts({"MILK 1.29", "TOTAL", "MILK 1.29", "TOTAL", "BREAD 1.89"}));
  EXPECT_EQ(planned.batches, 1U);
  EXPECT_FALSE(planned.is_upper_bound);
  EXPECT_EQ(tokens_found(), planned.tokens) << "the run sends what was planned";
}

TEST_F(RunPlanTest, TextsThatWerePaidForCostNothing) {
  pipeline.import(receipt_with({"MILK 1.29", "TOTAL"}));
  pipeline.run();
  pipeline.import(receipt_with({"TOTAL", "BREAD 1.89"}, kSecondImage));
  const EntityPlan planned = lines();
  EXPECT_EQ(planned.items, 2U);
  EXPECT_EQ(planned.texts_cached, 1U);
  EXPECT_EQ(planned.tokens, tokens_of_texts({"BREAD 1.89"}));
  EXPECT_EQ(tokens_found(), planned.tokens);
}

TEST_F(RunPlanTest, TextsThatAreOnTheirWayAreWaitedFor) {
  pipeline.import(receipt_with({"MILK 1.29", "TOTAL"}));
  pipeline.submit_all();
  pipeline.import(receipt_with({"TOTAL", "BREAD 1.89"}, kSecondImage));
  const EntityPlan planned = lines();
  EXPECT_EQ(planned.texts_on_their_way, 1U);
  EXPECT_EQ(planned.tokens, tokens_of_texts({"BREAD 1.89"}));
  EXPECT_EQ(tokens_found(), planned.tokens);
}

TEST_F(RunPlanTest, BatchesThatWereNotSubmittedAreCountedToo) {
  pipeline.import(receipt_with({"MILK 1.29", "TOTAL"}));
  const std::uint64_t prepared = tokens_found();
  const EntityPlan planned = lines();
  EXPECT_EQ(planned.items, 0U);
  EXPECT_EQ(planned.items_prepared, 2U);
  EXPECT_EQ(planned.batches_prepared, 1U);
  EXPECT_EQ(planned.tokens_prepared, prepared);
  EXPECT_EQ(planned.tokens_to_send(), prepared);
}

TEST_F(RunPlanTest, OfABatchThatWasCutOffWhileItClaimedEverythingIsCountedOnce) {
  pipeline.import(receipt_with({"MILK 1.29", "TOTAL"}));
  const Json batch = must(find_unembedded(Json::object(), pipeline.ports, pipeline.context)).at("batches").front();
  const Receipt receipt = receipt_with({"MILK 1.29", "TOTAL"});
  must(pipeline.table->write(Update{.key = batch_row_key(BatchId(batch.at("batch_id").get<std::string>())),
                                    .remove = {"s3_key", "token_count"}}));
  must(pipeline.table->write(Update{.key = row_key(line_of(receipt, 1)),
                                    .set = status_keys(line_of(receipt, 1), EmbeddingStatus::none),
                                    .remove = {"embedding_batch_id"}}));
  const EntityPlan planned = lines();
  EXPECT_EQ(planned.items_to_embed(), 2U);
  EXPECT_EQ(planned.tokens_to_send(), tokens_of_texts({"MILK 1.29", "TOTAL"}));
  EXPECT_EQ(tokens_found(), planned.tokens_to_send()) << "the texts were claimed, and are sent";
}

TEST_F(RunPlanTest, APlanChangesNothing) {
  pipeline.import(receipt_with({"MILK 1.29", "TOTAL"}));
  const EntityPlan first = lines();
  EXPECT_EQ(pipeline.census().unclaimed, 2U);
  EXPECT_EQ(lines().tokens, first.tokens);
}

TEST_F(RunPlanTest, ThePriceOfABatchIsHalfOfTheSynchronousCalls) {
  pipeline.settings.models.price_per_million = Dollars{1'000'000'000'000};
  pipeline.import(receipt_with({"MILK 1.29", "TOTAL", "TOTAL"}));
  const RunPlan planned = plan();
  const auto tokens = static_cast<std::int64_t>(planned.tokens_to_send());
  EXPECT_EQ(planned.cost(), Dollars{tokens * 500'000});
  EXPECT_EQ(planned.cost_if_called(), Dollars{tokens * 1'000'000});
  EXPECT_EQ(planned.cost_saved(), Dollars{static_cast<std::int64_t>(tokens_of_texts({"TOTAL"})) * 500'000});
}

TEST_F(RunPlanTest, AFewItemsThatAreCalledForCostTheSynchronousPrice) {
  pipeline.settings.direct_items_max = 10;
  pipeline.settings.models.price_per_million = Dollars{1'000'000'000'000};
  pipeline.import(receipt_with({"MILK 1.29", "TOTAL"}));
  const RunPlan planned = plan();
  EXPECT_EQ(planned.cost(), planned.cost_if_called());
  EXPECT_EQ(planned.rounds, 0U) << "nobody waits for a batch";
}

TEST_F(RunPlanTest, AFewItemsThatAGenerationLacksCostTheSynchronousPriceToo) {
  pipeline.import(receipt_with({"MILK 1.29", "TOTAL"}));
  pipeline.run();
  CollectionBinding wanted = pipeline.binding();
  wanted.dimensions = 32;
  must(start_generation(Entity::line, wanted, pipeline.ports, pipeline.context));
  pipeline.settings.direct_items_max = 2;
  pipeline.settings.models.price_per_million = Dollars{1'000'000'000'000};
  const RunPlan few = plan();
  EXPECT_GT(few.tokens_to_send(), 0U);
  EXPECT_EQ(few.cost(), few.cost_if_called());
  EXPECT_EQ(few.rounds, 0U) << "nobody waits for a batch";
  pipeline.settings.direct_items_max = 1;
  EXPECT_NE(plan().cost(), plan().cost_if_called()) << "these are not few";
}

TEST_F(RunPlanTest, OfAModelThatIsNotKnownTheCostIsNotKnown) {
  pipeline.settings.model = "a-model";
  pipeline.import(receipt_with({"MILK 1.29"}));
  EXPECT_FALSE(plan().cost());
  EXPECT_FALSE(plan().cost_if_called());
}

TEST_F(RunPlanTest, ThePriceIsThatOfTheModelThatTheCollectionIsBoundTo) {
  pipeline.import(receipt_with({"MILK 1.29"}));
  pipeline.settings.model = "text-embedding-3-large";
  EXPECT_EQ(plan().models(), std::set<std::string>{"tillite-ngram-1"});
  EXPECT_EQ(plan().cost(), Dollars{0});
}

TEST_F(RunPlanTest, EveryCollectionCountsByItsOwnModel) {
  pipeline.settings.model = "text-embedding-3-small";
  pipeline.binding(Entity::line);
  pipeline.settings.model = "text-embedding-3-large";
  pipeline.binding(Entity::word);
  pipeline.import(receipt_with({"MILK 1.29", "BREAD 1.89"}));
  const RunPlan planned = plan({Entity::line, Entity::word});
  EXPECT_EQ(planned.models(), (std::set<std::string>{"text-embedding-3-large", "text-embedding-3-small"}));
  const EntityPlan& of_lines = planned.entities[0];
  const EntityPlan& of_words = planned.entities[1];
  EXPECT_EQ(of_lines.model.price_per_million, Dollars{20'000});
  EXPECT_EQ(of_words.model.price_per_million, Dollars{130'000});
  EXPECT_EQ(planned.cost(), Dollars{cost_of(of_lines.tokens, Dollars{10'000}).millionths +
                                    cost_of(of_words.tokens, Dollars{65'000}).millionths});
  EXPECT_EQ(planned.cost_if_called(), Dollars{cost_of(of_lines.tokens, Dollars{20'000}).millionths +
                                              cost_of(of_words.tokens, Dollars{130'000}).millionths});
  EXPECT_EQ(planned.rounds, 1U) << "each model has a queue of its own";
}

TEST_F(RunPlanTest, ATextIsAsLongAsTheModelOfItsCollectionTakesIt) {
  pipeline.settings.model = "a-model";
  pipeline.binding(Entity::word);
  pipeline.settings.models = {.model = "a-model", .input_tokens_max = 1, .enqueued_tokens_max = 3};
  pipeline.import(receipt_with({"MILK 1.29", "BREAD 1.89"}));
  pipeline.settings.model = "tillite-ngram-1";
  const RunPlan planned = plan({Entity::line, Entity::word});
  EXPECT_EQ(planned.entities[1].texts_cut, 2U);
  EXPECT_EQ(planned.entities[1].tokens, 2U);
  must(find_unembedded_words(Json::object(), pipeline.ports, pipeline.context));
  for (const Batch& batch : must(batches_in(*pipeline.table, Entity::word, kOpenStatuses))) {
    EXPECT_EQ(batch.token_count, 2);
  }
}

TEST_F(RunPlanTest, WhatMayBeEnqueuedSaysHowManyRoundsThereAre) {
  pipeline.settings.batch.items_max = 1;
  pipeline.import(receipt_with({"MILK 1.29", "BREAD 1.89", "TOTAL 3.18"}));
  EXPECT_EQ(plan().rounds, 1U) << "without a limit";
  pipeline.settings.models.enqueued_tokens_max = 12;
  EXPECT_EQ(plan().rounds, 2U);
  EXPECT_EQ(plan().hours_max(), 48U);
  pipeline.settings.models.enqueued_tokens_max = 1;
  EXPECT_EQ(plan().rounds, 3U) << "each alone";
}

TEST_F(RunPlanTest, TextsThatAreTooLongAreCountedAsTheyAreSent) {
  pipeline.settings.models.input_tokens_max = 2;
  pipeline.import(receipt_with({"MILK 1.29", "TEA"}));
  EXPECT_EQ(lines().texts_cut, 1U);
  EXPECT_EQ(lines().tokens, 2 + tokens_of_texts({"TEA"}));
  pipeline.settings.too_long = TooLong::refuse;
  const EntityPlan planned = lines();
  EXPECT_EQ(planned.texts_refused, 1U);
  EXPECT_EQ(planned.tokens, tokens_of_texts({"TEA"}));
  EXPECT_EQ(tokens_found(), planned.tokens);
}

TEST_F(RunPlanTest, BothEntitiesHaveTextsOfTheirOwn) {
  pipeline.import(receipt_with({"MILK 1.29"}));
  const RunPlan planned = plan({Entity::line, Entity::word});
  ASSERT_EQ(planned.entities.size(), 2U);
  EXPECT_EQ(planned.entities[1].texts, 1U);
  EXPECT_EQ(planned.tokens_to_send(), planned.entities[0].tokens + planned.entities[1].tokens);
  EXPECT_EQ(planned.items_to_embed(), 2U);
}

TEST_F(RunPlanTest, ADamagedReceiptIsPassedOver) {
  pipeline.import(receipt_with({"MILK 1.29"}));
  const Receipt other = receipt_with({"TEA 2.49"}, kSecondImage);
  pipeline.import(other);
  must(pipeline.table->write(Update{.key = row_key(line_of(other, 1)), .set = {{"bounding_box", "none"}}}));
  const EntityPlan planned = lines();
  EXPECT_EQ(planned.items, 1U);
  EXPECT_EQ(planned.passed_over, 1U);
}

TEST(DistinctTexts, KnowsATextThatItHasMet) {
  DistinctTexts texts;
  EXPECT_TRUE(texts.insert(input_hash("MILK")));
  EXPECT_TRUE(texts.insert(input_hash("TEA")));
  EXPECT_FALSE(texts.insert(input_hash("MILK")));
  EXPECT_FALSE(texts.is_overfull());
}

TEST(DistinctTexts, BeyondWhatItRemembersEveryNewTextIsNew) {
  DistinctTexts texts;
  for (std::size_t i = 0; i < DistinctTexts::kTextsMax; ++i) {
    ASSERT_TRUE(texts.insert(Sum128{i * 0x9e3779b97f4a7c15ULL, i}.hex() + std::string(32, '0')));
  }
  EXPECT_FALSE(texts.is_overfull());
  EXPECT_TRUE(texts.insert(input_hash("MILK")));
  EXPECT_TRUE(texts.insert(input_hash("MILK")));
  EXPECT_TRUE(texts.is_overfull());
}

}  // namespace
}  // namespace tillite::testing
