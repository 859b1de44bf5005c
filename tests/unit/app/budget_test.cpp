#include "app/commands/budget.h"

#include <gtest/gtest.h>

namespace tillite {
namespace {

RunPlan plan_of(std::uint64_t tokens, std::optional<Dollars> price_per_million) {
  RunPlan plan;
  plan.entities.push_back({.model = {.name = "a-model", .price_per_million = price_per_million},
                           .tokens = tokens,
                           .tokens_called = tokens});
  return plan;
}

std::optional<std::string> why(const std::string& budget, const RunPlan& plan) {
  return beyond(parse_budget(budget).value(), plan).value();
}

TEST(Budget, IsAnAmountOrANumberOfTokens) {
  EXPECT_EQ(parse_budget("0.50USD").value().amount, Dollars{500'000});
  EXPECT_EQ(parse_budget("2000000").value().tokens, 2'000'000U);
  for (const char* text : {"", "USD", "0.50", "0.50EUR", "-1", "$1", "1.5e3", "2000000 ", "99999999999999999999999"}) {
    const auto budget = parse_budget(text);
    ASSERT_FALSE(budget) << text;
    EXPECT_EQ(budget.error().code(), Code::usage) << text;
  }
}

TEST(Budget, HoldsUpToWhatItAllows) {
  const RunPlan plan = plan_of(1'000'000, Dollars{20'000});
  EXPECT_FALSE(why("1000000", plan));
  EXPECT_FALSE(why("0.02USD", plan));
  EXPECT_EQ(why("999999", plan), "the run would send 1000000 tokens, the budget is 999999");
  EXPECT_EQ(why("0.019999USD", plan), "the run would cost 0.02 USD, the budget is 0.019999 USD");
}

TEST(Budget, AnAmountNeedsThePriceOfTheModel) {
  const RunPlan plan = plan_of(1, std::nullopt);
  EXPECT_FALSE(why("1", plan));
  const auto reason = beyond(parse_budget("1USD").value(), plan);
  ASSERT_FALSE(reason);
  EXPECT_EQ(reason.error().code(), Code::invalid_input);
  EXPECT_NE(reason.error().message().find("EMBEDDING_PRICE_PER_MILLION"), std::string::npos);
}

}  // namespace
}  // namespace tillite
