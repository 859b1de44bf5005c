#include "adapters/aws/step_functions_client.h"

#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "support/http_server.h"
#include "support/moto_server.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/served_aws.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

/// Step Functions whose answers a test writes, in the order of the calls.
class StepFunctionsClientTest : public ::testing::Test {
 protected:
  void answer(const Json& body, int status = 200) { answers.push_back({.status = status, .body = to_text(body)}); }
  void refuse(const std::string& type) { answer({{"__type", type}, {"message", "as the test says"}}, 400); }
  Json asked(std::size_t number) { return Json::parse(server.requests().at(number).body); }
  std::string target(std::size_t number) { return server.requests().at(number).headers.at("x-amz-target"); }
  static Json execution(const std::string& name, const std::string& status = "RUNNING") {
    return {{"executionArn", "arn:execution:" + name},
            {"stateMachineArn", "arn:machine"},
            {"name", name},
            {"status", status},
            {"startDate", 1760000000.123}};
  }

  std::deque<HttpServer::Answer> answers;  // written while no call is under way
  HttpServer server{[this](const HttpServer::Request&) {
    if (answers.empty()) return HttpServer::Answer{.status = 400, .body = R"({"__type": "NotScripted"})"};
    HttpServer::Answer next = std::move(answers.front());
    answers.pop_front();
    return next;
  }};
  VirtualClock clock;
  SeededRandom random;
  StepFunctionsClient client{aws_client_at(server.url(""), AwsApi::step_functions, clock, random), random};
};

TEST_F(StepFunctionsClientTest, AnExecutionIsStartedUnderItsName) {
  answer({{"executionArn", "arn:execution:run-1"}, {"startDate", 1760000000.5}});
  EXPECT_EQ(must(client.start("arn:machine", "run-1", R"({"a":1})")), "arn:execution:run-1");
  EXPECT_EQ(target(0), "AWSStepFunctions.StartExecution");
  EXPECT_EQ(asked(0), (Json{{"stateMachineArn", "arn:machine"}, {"name", "run-1"}, {"input", R"({"a":1})"}}));
  refuse("ExecutionAlreadyExists");
  EXPECT_EQ(client.start("arn:machine", "run-1", "{}").error().code(), Code::conflict);
}

TEST_F(StepFunctionsClientTest, AnExecutionIsDescribedAsItStands) {
  Json json = execution("run-1", "FAILED");
  json.update(
      {{"stopDate", 1760000001}, {"input", "{}"}, {"error", "Tillite.Corrupt"}, {"cause", "why"}, {"redriveCount", 2}});
  answer(json);
  const RemoteExecution seen = must(client.describe("arn:execution:run-1"));
  EXPECT_EQ(seen.status, RemoteStatus::failed);
  EXPECT_TRUE(has_ended(seen.status));
  EXPECT_EQ(seen.start_ms, 1'760'000'000'123);
  EXPECT_EQ(seen.stop_ms, 1'760'000'001'000);
  EXPECT_EQ(seen.error, "Tillite.Corrupt");
  EXPECT_EQ(seen.cause, "why");
  EXPECT_EQ(seen.output, std::nullopt);
  EXPECT_EQ(seen.redrive_count, 2);
  refuse("ExecutionDoesNotExist");
  EXPECT_EQ(client.describe("arn:execution:none").error().code(), Code::not_found);
}

TEST_F(StepFunctionsClientTest, ListsGoOverPages) {
  answer({{"executions", {execution("3"), execution("2")}}, {"nextToken", "further"}});
  answer({{"executions", {execution("1"), execution("0")}}});
  const auto seen = must(client.list("arn:machine", RemoteStatus::running, 3));
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen.at(2).name, "1");
  EXPECT_EQ(asked(0).at("statusFilter"), "RUNNING");
  EXPECT_EQ(asked(1).at("nextToken"), "further");

  answer({{"stateMachines", {{{"stateMachineArn", "arn:a"}, {"name", "a"}}}}, {"nextToken", "further"}});
  answer({{"stateMachines", {{{"stateMachineArn", "arn:b"}, {"name", "b"}}}}});
  EXPECT_EQ(must(client.find_machine("b")), "arn:b");
  answer({{"stateMachines", Json::array()}});
  EXPECT_EQ(client.find_machine("c").error().code(), Code::not_found);
}

TEST_F(StepFunctionsClientTest, AHistoryComesPageByPageWithItsDetails) {
  answer({{"events",
           {{{"id", 1},
             {"timestamp", 1760000000},
             {"type", "ExecutionStarted"},
             {"executionStartedEventDetails", {{"input", "{}"}}}},
            {{"id", 2}, {"previousEventId", 1}, {"timestamp", 1760000000.25}, {"type", "FailStateEntered"}}}},
          {"nextToken", "further"}});
  const auto page = must(client.history("arn:execution:1", ""));
  ASSERT_EQ(page.events.size(), 2U);
  EXPECT_EQ(page.events[0].details.at("input"), "{}");
  EXPECT_EQ(page.events[1].previous_id, 1);
  EXPECT_EQ(page.events[1].time_ms, 1'760'000'000'250);
  EXPECT_TRUE(page.events[1].details.empty());
  EXPECT_EQ(page.next_token, "further");
  answer({{"events", Json::array()}});
  EXPECT_TRUE(must(client.last_events("arn:execution:1", 5)).empty());
  EXPECT_EQ(asked(1).at("reverseOrder"), true);
}

TEST_F(StepFunctionsClientTest, ARedriveThatIsTriedAgainIsTheSame) {
  answer(Json::object(), 500);
  answer({{"redriveDate", 1760000000}});
  EXPECT_TRUE(client.redrive("arn:execution:1"));
  EXPECT_EQ(asked(0), asked(1));
  EXPECT_EQ(asked(0).at("clientToken").get<std::string>().size(), 36U);
  refuse("ExecutionNotRedrivable");
  EXPECT_EQ(client.redrive("arn:execution:1").error().code(), Code::conflict);
}

TEST_F(StepFunctionsClientTest, WhatCannotBeReadIsCorrupt) {
  for (const char* field : {"executionArn", "stateMachineArn", "status", "startDate"}) {
    Json bad = execution("1");
    bad.erase(field);
    answer(bad);
    EXPECT_EQ(client.describe("arn").error().code(), Code::corrupt) << field;
  }
  for (const Json& when : {Json(-1), Json(1e300), Json("1")}) {
    Json bad = execution("1");
    bad["startDate"] = when;
    answer(bad);
    EXPECT_EQ(client.describe("arn").error().code(), Code::corrupt) << when;
  }
  answer(execution("1", "SLEEPING"));
  EXPECT_EQ(client.describe("arn").error().code(), Code::corrupt);
}

TEST(StepFunctionsOnMotoTest, AMachineIsStartedWatchedAndAborted) {
  if (!MotoServer::available()) GTEST_SKIP() << MotoServer::how_to_get();
  AwsPlace place(MotoServer::shared().origin());
  const auto aws = place.client(AwsApi::step_functions);
  const std::string name = unique_name();
  const Json wait = {{"StartAt", "Wait"}, {"States", {{"Wait", {{"Type", "Wait"}, {"Seconds", 60}, {"End", true}}}}}};
  must(aws->call_json(
      "AWSStepFunctions.CreateStateMachine",
      {{"name", name}, {"definition", to_text(wait)}, {"roleArn", "arn:aws:iam::123456789012:role/any"}}));
  StepFunctionsClient client(aws, place.random());
  const std::string machine = must(client.find_machine(name));
  const std::string execution = must(client.start(machine, "run-1", R"({"n":1})"));
  const RemoteExecution running = must(client.describe(execution));
  EXPECT_EQ(running.status, RemoteStatus::running);
  EXPECT_EQ(running.input, R"({"n":1})");
  EXPECT_EQ(must(client.list(machine, {}, 10)).at(0).arn, execution);
  EXPECT_FALSE(must(client.history(execution, "")).events.empty());
  ASSERT_TRUE(client.abort(execution, "Enough", "the test is done"));
  EXPECT_EQ(must(client.describe(execution)).status, RemoteStatus::aborted);
  EXPECT_EQ(must(client.list(machine, RemoteStatus::running, 10)).size(), 0U);
}

}  // namespace
}  // namespace tillite::testing
