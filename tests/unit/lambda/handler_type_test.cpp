#include "lambda/handler_type.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "steps/simple_steps.h"
#include "support/must.h"

namespace tillite::testing {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

bool is_simple(const NamedStep& named) {
  return std::ranges::any_of(simple_steps(), [&](const NamedStep& simple) { return simple.step == named.step; });
}

TEST(HandlerTypeTest, EachTypeIsAStep) {
  const HandlerTypes types{.steps = all_steps()};
  for (const NamedStep& named : all_steps()) {
    EXPECT_EQ(must(types.step(std::string(named.handler_type))).function_name, named.function_name);
  }
}

TEST(HandlerTypeTest, AMissingOrUnknownTypeListsWhatThereIs) {
  for (const std::optional<std::string>& type :
       {std::optional<std::string>(), std::optional<std::string>(""), std::optional<std::string>("embed")}) {
    const auto step = HandlerTypes{.steps = all_steps()}.step(type);
    ASSERT_FALSE(step);
    EXPECT_EQ(step.error().code(), Code::invalid_input);
    EXPECT_TRUE(contains(step.error().message(), "HANDLER_TYPE"));
    for (const NamedStep& named : all_steps()) {
      EXPECT_TRUE(contains(step.error().message(), named.handler_type)) << named.handler_type;
    }
  }
}

TEST(HandlerTypeTest, AProgramOfTheSimpleStepsSaysWhereTheOthersAre) {
  const HandlerTypes types{.steps = simple_steps(), .elsewhere = kStepsOfTheImage};
  for (const NamedStep& named : all_steps()) {
    EXPECT_EQ(contains(std::string(kStepsOfTheImage), named.handler_type), !is_simple(named)) << named.handler_type;
    const auto step = types.step(std::string(named.handler_type));
    ASSERT_EQ(step.has_value(), is_simple(named)) << named.handler_type;
    if (!step) {
      EXPECT_TRUE(contains(step.error().message(), kStepsOfTheImage)) << step.error().message();
    }
  }
}

}  // namespace
}  // namespace tillite::testing
