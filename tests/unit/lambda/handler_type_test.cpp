#include "lambda/handler_type.h"

#include <gtest/gtest.h>

#include "support/must.h"

namespace tillite::testing {
namespace {

TEST(HandlerTypeTest, EachTypeIsAStep) {
  for (const NamedStep& named : all_steps()) {
    EXPECT_EQ(must(step_of_handler_type(std::string(named.handler_type))).function_name, named.function_name);
  }
}

TEST(HandlerTypeTest, AMissingOrUnknownTypeListsWhatThereIs) {
  for (const std::optional<std::string>& type :
       {std::optional<std::string>(), std::optional<std::string>(""), std::optional<std::string>("embed")}) {
    const auto step = step_of_handler_type(type);
    ASSERT_FALSE(step);
    EXPECT_EQ(step.error().code(), Code::invalid_input);
    EXPECT_NE(step.error().message().find("HANDLER_TYPE"), std::string::npos);
    for (const NamedStep& named : all_steps()) {
      EXPECT_NE(step.error().message().find(named.handler_type), std::string::npos) << named.handler_type;
    }
  }
}

}  // namespace
}  // namespace tillite::testing
