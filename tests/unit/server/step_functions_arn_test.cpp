#include "server/step_functions_arn.h"

#include <gtest/gtest.h>

#include "support/must.h"

namespace tillite::testing {
namespace {

TEST(StepFunctionsArnTest, AnyRegionAndAccountIsTaken) {
  const NameArn machine = must(parse_machine_arn("arn:aws:states:region:account:stateMachine:create-batches-sf"));
  EXPECT_EQ(machine.name, "create-batches-sf");
  EXPECT_EQ(machine.place.region, "region");
  EXPECT_EQ(machine_arn(machine.place, machine.name), "arn:aws:states:region:account:stateMachine:create-batches-sf");
  EXPECT_EQ(must(parse_activity_arn("arn:aws-cn:states:::activity:a")).name, "a");
}

TEST(StepFunctionsArnTest, AnExecutionHasAMachineAndAName) {
  const std::string text = "arn:aws:states:us-east-1:1:execution:machine/label:name";
  const ExecutionArn arn = must(parse_execution_arn(text));
  EXPECT_EQ(arn.id.machine, "machine/label");
  EXPECT_EQ(arn.id.name, "name");
  EXPECT_EQ(execution_arn(arn.place, arn.id, arn.is_express), text);
  const ExecutionArn express = must(parse_execution_arn("arn:aws:states:r:1:express:m:n:id"));
  EXPECT_TRUE(express.is_express);
  EXPECT_EQ(express.id.name, "n:id");
}

TEST(StepFunctionsArnTest, WhatIsNoArnIsRefused) {
  for (const char* text : {"", "create-batches-sf", "arn:aws:states:r:1", "arn:aws:states:r:1:", "arn:aws:sqs:r:1:a:b",
                           "arn:aws:states:r:1:stateMachine:", "arn:aws:states:r:1:execution:m:n", "urn:a:b:c:d:e:f"}) {
    const auto arn = parse_machine_arn(text);
    ASSERT_FALSE(arn) << text;
    EXPECT_EQ(arn.error().name(), "InvalidArn") << text;
  }
  EXPECT_FALSE(parse_execution_arn("arn:aws:states:r:1:execution:machine"));
  EXPECT_FALSE(parse_execution_arn("arn:aws:states:r:1:execution::name"));
  EXPECT_FALSE(parse_execution_arn("arn:aws:states:r:1:stateMachine:m"));
}

TEST(StepFunctionsArnTest, NamesHaveNoBlanksAndNoSpecialCharacters) {
  for (const char* name : {"a", "Größe-1_2.3", "(a)!=+@'"}) EXPECT_TRUE(check_states_name(name)) << name;
  EXPECT_TRUE(check_states_name(std::string(80, 'a')));
  for (const char* name : {"", "a b", "a/b", "a:b", "a*", "a\n", "a<b", "\xff", "a\u3000"}) {
    const auto checked = check_states_name(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().name(), "InvalidName");
  }
  EXPECT_FALSE(check_states_name(std::string(81, 'a')));
}

}  // namespace
}  // namespace tillite::testing
