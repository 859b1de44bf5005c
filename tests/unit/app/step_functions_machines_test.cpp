#include <gtest/gtest.h>

#include <deque>

#include "adapters/local/system_clock.h"
#include "app/state_machines.h"
#include "support/http_server.h"
#include "support/must.h"

namespace tillite::testing {
namespace {

constexpr const char* kMachine = "arn:aws:states:us-east-1:123456789012:stateMachine:create-batches-sf";
constexpr const char* kExecution = "arn:aws:states:us-east-1:123456789012:execution:create-batches-sf:run-1";

/// The state machines of a Step Functions whose answers a test writes, for each operation in the order of its calls;
/// the last one is given for ever.
class StepFunctionsMachinesTest : public ::testing::Test {
 protected:
  using Answers = std::deque<HttpServer::Answer>;

  void SetUp() override {
    answer("ListStateMachines", {{"stateMachines", {{{"stateMachineArn", kMachine}, {"name", "create-batches-sf"}}}}});
    answer("StartExecution", {{"executionArn", kExecution}});
    answer("RedriveExecution", Json::object());
    answer("GetExecutionHistory", {{"events", Json::array()}});
  }

  void answer(const std::string& operation, const Json& body) {
    answers[operation].push_back({.status = 200, .body = to_text(body)});
  }
  void refuse(const std::string& operation, const std::string& type) {
    answers[operation].push_back({.status = 400, .body = to_text({{"__type", type}, {"message", "as the test says"}})});
  }
  void describe(const std::string& status, int redrives = 0, const std::string& error = "") {
    Json body = {{"executionArn", kExecution}, {"stateMachineArn", kMachine}, {"name", "run-1"},
                 {"status", status},           {"startDate", 1760000000},     {"redriveCount", redrives}};
    if (!error.empty()) body["error"] = error;
    answer("DescribeExecution", body);
  }

  std::unique_ptr<StateMachines> machines(Progress* progress = nullptr) {
    const std::map<std::string, std::string> variables = {{"AWS_ENDPOINT_URL_SFN", server.url("")},
                                                          {"AWS_REGION", "us-east-1"},
                                                          {"AWS_ACCESS_KEY_ID", "any"},
                                                          {"AWS_SECRET_ACCESS_KEY", "any"}};
    const auto environment = [variables](const std::string& name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    return must(step_functions_machines(environment, Logger::none(), {}, progress));
  }

  std::map<std::string, Answers> answers;  // one call is under way at a time
  HttpServer server{[this](const HttpServer::Request& request) {
    const std::string target = request.headers.at("x-amz-target");
    Answers& scripted = answers[target.substr(target.find('.') + 1)];
    if (scripted.empty()) return HttpServer::Answer{.status = 400, .body = R"({"__type": "NotScripted"})"};
    HttpServer::Answer next = scripted.front();
    if (scripted.size() > 1) scripted.pop_front();
    return next;
  }};
};

TEST_F(StepFunctionsMachinesTest, AnExecutionThatIsNotSeenAtOnceIsWaitedFor) {
  refuse("DescribeExecution", "ExecutionDoesNotExist");
  describe("RUNNING");
  describe("SUCCEEDED");
  EXPECT_EQ(must(machines()->run("create-batches-sf", Value::Object())).status, ExecutionStatus::succeeded);
}

TEST_F(StepFunctionsMachinesTest, OneThatIsNotThereIsNotWaitedFor) {
  refuse("DescribeExecution", "ExecutionDoesNotExist");
  EXPECT_EQ(machines()->finish(ExecutionId(kExecution)).error().code(), Code::not_found);
}

TEST_F(StepFunctionsMachinesTest, AfterARedriveTheEndBeforeItIsNotTakenForTheEnd) {
  describe("FAILED", 0, "Before");  // when it is redriven
  describe("FAILED", 0, "Before");  // what is read then may be old
  describe("RUNNING", 1);
  describe("FAILED", 1, "After");
  const Execution ended = must(machines()->redrive(ExecutionId(kExecution)));
  EXPECT_EQ(ended.error, "After");
  EXPECT_EQ(ended.redrives, 1);
}

TEST_F(StepFunctionsMachinesTest, WhatStepsCameToIsReadFromTheHistoryPageByPage) {
  const auto event = [](int id, int previous, const std::string& type, const std::string& member, Json details) {
    return Json{
        {"id", id}, {"previousEventId", previous}, {"type", type}, {"timestamp", 1760000000}, {member, details}};
  };
  const auto scheduled = [&](int id, const std::string& function) {
    return event(id, 1, "TaskScheduled", "taskScheduledEventDetails",
                 {{"resource", "invoke"}, {"parameters", to_text({{"FunctionName", function}, {"Payload", {}}})}});
  };
  const auto succeeded = [&](int id, int previous, const Json& payload) {
    return event(id, previous, "TaskSucceeded", "taskSucceededEventDetails",
                 {{"output", to_text({{"Payload", payload}, {"StatusCode", 200}})}});
  };
  answers["GetExecutionHistory"].clear();
  // Two calls at once: which end is whose the events before it say, over pages.
  answer("GetExecutionHistory", {{"events",
                                  {scheduled(2, "embedding-line-find"),
                                   scheduled(3, "arn:aws:lambda:us-east-1:1:function:embedding-line-poll"),
                                   event(4, 3, "TaskStarted", "taskStartedEventDetails", {}),
                                   event(5, 2, "TaskStarted", "taskStartedEventDetails", {})}},
                                 {"nextToken", "page-2"}});
  answer("GetExecutionHistory",
         {{"events",
           {succeeded(6, 5, {{"items_total", 40}, {"batches_total", 2}}), succeeded(7, 4, {{"embedding_count", 30}}),
            scheduled(8, "embedding-line-submit"),
            event(9, 8, "TaskFailed", "taskFailedEventDetails",
                  {{"error", "Tillite.Permission"}, {"cause", R"({"errorMessage":"the key is refused"})"}})}}});
  describe("SUCCEEDED");
  SystemClock clock;
  Progress progress(Progress::Form::silent, clock);
  must(machines(&progress)->run("create-batches-sf", Value::Object()));
  const Progress::Counts counts = progress.counts();
  EXPECT_EQ(counts.found, 40);
  EXPECT_EQ(counts.batched, 2);
  EXPECT_EQ(counts.embedded, 30);
  ASSERT_TRUE(progress.common_error());
  EXPECT_EQ(progress.common_error()->code(), Code::permission);
  EXPECT_EQ(progress.common_error()->message(), "embedding-line-submit: Tillite.Permission: the key is refused");
}

}  // namespace
}  // namespace tillite::testing
