#include "server/function_reference.h"

#include <gtest/gtest.h>

namespace tillite::testing {
namespace {

std::string read(std::string_view text) {
  const auto function = parse_function_reference(text);
  return function ? function->name + "|" + function->qualifier : function.error().name();
}

TEST(FunctionReferenceTest, AFunctionIsNamedByItsNameOrAnArnOrAPartOfOne) {
  EXPECT_EQ(read("f-1_A"), "f-1_A|");
  EXPECT_EQ(read("f:$LATEST"), "f|$LATEST");
  EXPECT_EQ(read("f:live"), "f|live");
  EXPECT_EQ(read("123456789012:function:f"), "f|");
  EXPECT_EQ(read("function:f:1"), "f|1");
  EXPECT_EQ(read("arn:aws:lambda:eu-west-1:123456789012:function:f"), "f|");
  EXPECT_EQ(read("arn:aws:lambda:eu-west-1:123456789012:function:f:2"), "f|2");
}

TEST(FunctionReferenceTest, WhatIsNoFunctionsNameIsRefused) {
  for (const std::string text : {"", "a b", "a/b", "f:", ":f", "f:1:2", "arn:aws:lambda:r:a:layer:f",
                                 "arn:aws:sqs:r:a:function:f", "arn:aws:lambda", "x:function:f", "f:$OLDEST"}) {
    EXPECT_EQ(read(text), "ValidationException") << text;
  }
  EXPECT_EQ(read(std::string(64, 'a')), std::string(64, 'a') + "|");
  EXPECT_EQ(read(std::string(65, 'a')), "ValidationException");
}

TEST(FunctionReferenceTest, AnArnThatWasWrittenCanBeRead) {
  const FunctionReference function = {.name = "f", .qualifier = "live"};
  EXPECT_EQ(function_arn({}, function), "arn:aws:lambda:us-east-1:000000000000:function:f:live");
  EXPECT_EQ(read(function_arn({}, function)), "f|live");
}

}  // namespace
}  // namespace tillite::testing
