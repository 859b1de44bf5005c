// Lines and words that are bound to different models: each counts by its own.
#include <gtest/gtest.h>

#include <cmath>

#include "e2e/openai_home.h"

namespace tillite::testing {
namespace {

class OpenAiModels : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto receipts = receipts_of_distinct_lines(2, 4);
    home.import(receipts[0]);
    run();
    home.answer({"generations", "start", "--collection", "receipt_words", "--model", "text-embedding-3-large"});
    run();
    home.import(receipts[1]);
  }
  Json run() { return home.answer({"run"}); }

  TempFolder folder;
  OpenAiEmulator openai{folder.path(), {}};
  OpenAiHome home{folder.path(), openai.environment()};
};

TEST_F(OpenAiModels, APlanAndARunCountEachCollectionByThePriceOfItsModel) {
  const Json plan = home.answer({"plan"});
  EXPECT_EQ(plan.at("models"), Json::array({"text-embedding-3-large", "text-embedding-3-small"}));
  EXPECT_EQ(plan.at("entities").at(0).at("batch_price_per_million_usd"), 0.01);
  EXPECT_EQ(plan.at("entities").at(1).at("batch_price_per_million_usd"), 0.065);
  const auto amount = [&](std::size_t entity) {
    const Json& of_entity = plan.at("entities").at(entity);
    return std::ceil(of_entity.at("tokens").get<double>() * of_entity.at("batch_price_per_million_usd").get<double>());
  };
  EXPECT_NEAR(plan.at("cost_usd").get<double>(), (amount(0) + amount(1)) * 1e-6, 1e-9);
  EXPECT_GT(amount(1), amount(0));
  const Json ran = run();
  EXPECT_EQ(ran.at("tokens_sent"), plan.at("tokens"));
  EXPECT_EQ(ran.at("cost_usd"), plan.at("cost_usd"));
}

TEST_F(OpenAiModels, WhatIsSaidOfOneModelIsNotSaidOfTheOther) {
  OpenAiHome told(folder.path(), openai.environment(),
                  {{"EMBEDDING_MODEL", "text-embedding-3-small"},
                   {"EMBEDDING_PRICE_PER_MILLION", "2.00"},
                   {"OPENAI_ENQUEUED_TOKENS_MAX", "10"}});
  const Json entities = told.answer({"plan"}).at("entities");
  EXPECT_EQ(entities.at(0).at("price_per_million_usd"), 2.0);
  EXPECT_EQ(entities.at(0).at("enqueued_tokens_max"), 10);
  EXPECT_GT(entities.at(0).at("batches"), 1) << "no batch is larger than the queue";
  EXPECT_EQ(entities.at(1).at("price_per_million_usd"), 0.13);
  EXPECT_EQ(entities.at(1).at("enqueued_tokens_max"), 3'000'000);
  EXPECT_EQ(entities.at(1).at("batches"), 1);
}

}  // namespace
}  // namespace tillite::testing
