#include "server/execution_event_json.h"

#include <gtest/gtest.h>

#include "support/must.h"

namespace tillite::testing {
namespace {

ExecutionEvent event(std::string type, std::string_view details) {
  return {.id = 2,
          .previous_id = 1,
          .type = std::move(type),
          .timestamp_ms = 1'700'000'000'250,
          .details = must(parse_value(details, "details"))};
}

TEST(ExecutionEventJsonTest, AnEventHasItsDetailsUnderTheNameOfItsKind) {
  EXPECT_EQ(details_member("PassStateEntered"), "stateEnteredEventDetails");
  EXPECT_EQ(details_member("MapStateExited"), "stateExitedEventDetails");
  EXPECT_EQ(details_member("TaskScheduled"), "taskScheduledEventDetails");
  EXPECT_EQ(details_member("LambdaFunctionFailed"), "lambdaFunctionFailedEventDetails");
  EXPECT_EQ(details_member("ParallelStateStarted"), "");
  EXPECT_EQ(details_member("LambdaFunctionStarted"), "");
}

TEST(ExecutionEventJsonTest, ValuesBecomeTheTextsThatTheyAreOnAws) {
  EXPECT_EQ(json_of(event("PassStateExited",
                          R"({"name": "A", "output": {"z": 1, "a": 2.0}, "assignedVariables": {"v": "x"}})"),
                    true),
            Json::parse(R"({"id": 2, "previousEventId": 1, "type": "PassStateExited", "timestamp": 1700000000.25,
              "stateExitedEventDetails": {"name": "A", "output": "{\"z\":1,\"a\":2.0}", "outputDetails": {"truncated": false},
                "assignedVariables": {"v": "\"x\""}, "assignedVariablesDetails": {"truncated": false}}})"));
  const Json scheduled = json_of(
      event("TaskScheduled", R"({"resourceType": "lambda", "parameters": {"a": 1}, "timeoutInSeconds": 60})"), true);
  EXPECT_EQ(scheduled.at("taskScheduledEventDetails"),
            Json::parse(R"({"resourceType": "lambda", "parameters": "{\"a\":1}", "timeoutInSeconds": 60})"));
}

TEST(ExecutionEventJsonTest, ATextAsInputIsAJsonText) {
  const Json json = json_of(event("SucceedStateEntered", R"({"name": "A", "input": "text"})"), true);
  EXPECT_EQ(json.at("stateEnteredEventDetails").at("input"), "\"text\"");
}

TEST(ExecutionEventJsonTest, DataCanBeLeftOut) {
  const Json json = json_of(event("ExecutionStarted", R"({"input": {}, "roleArn": "arn"})"), false);
  EXPECT_EQ(json.at("executionStartedEventDetails"), Json::parse(R"({"roleArn": "arn"})"));
}

}  // namespace
}  // namespace tillite::testing
