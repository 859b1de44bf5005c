#include "server/step_functions_service.h"

#include <gtest/gtest.h>

#include "support/aws_calls.h"
#include "support/memory_backend.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

constexpr const char* kMachine = "arn:aws:states:region:account:stateMachine:m";

class StepFunctionsServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ask("CreateStateMachine", machine("m"));
    ask("CreateStateMachine", machine("fast", "EXPRESS"));
  }

  static Json machine(const std::string& name, const std::string& type = "STANDARD") {
    return {{"name", name}, {"definition", "{ }"}, {"roleArn", "arn:aws:iam::1:role/r"}, {"type", type}};
  }
  static std::string execution(const std::string& name) { return "arn:aws:states:region:account:execution:m:" + name; }
  static Value value(std::string_view text) { return must(parse_value(text, "value")); }
  Json ask(const std::string& operation, const Json& parameters = Json::object()) {
    return must(call(states, operation, parameters));
  }
  std::string refuse(const std::string& operation, const Json& parameters = Json::object()) {
    return error_of(states, operation, parameters);
  }
  Json start(const std::string& name, const std::string& input = "{}") {
    return ask("StartExecution", {{"stateMachineArn", kMachine}, {"name", name}, {"input", input}});
  }

  MemoryBackend backend;
  LongPolls polls;
  VirtualClock clock;
  SeededRandom random;
  StepFunctionsService states{backend, AwsPlace{}, polls, clock, random};
};

// ---------------------------------------------------------------------------------------------------- machines

TEST_F(StepFunctionsServiceTest, AMachineIsCreatedDescribedAndDeleted) {
  const Json described = ask("DescribeStateMachine", {{"stateMachineArn", kMachine}});
  EXPECT_EQ(described.at("stateMachineArn"), kMachine) << "as it was asked for";
  EXPECT_EQ(described.at("definition"), "{ }") << "byte for byte";
  EXPECT_EQ(described.at("type"), "STANDARD");
  EXPECT_EQ(described.at("status"), "ACTIVE");
  EXPECT_EQ(described.at("creationDate"), 1'700'000'000.123);
  ask("DeleteStateMachine", {{"stateMachineArn", kMachine}});
  EXPECT_EQ(refuse("DescribeStateMachine", {{"stateMachineArn", kMachine}}), "StateMachineDoesNotExist");
}

TEST_F(StepFunctionsServiceTest, CreatingTheSameMachineAgainIsNoError) {
  EXPECT_EQ(ask("CreateStateMachine", machine("m")).at("stateMachineArn"),
            "arn:aws:states:us-east-1:000000000000:stateMachine:m");
  Json other = machine("m");
  other["definition"] = "[]";
  EXPECT_EQ(refuse("CreateStateMachine", other), "StateMachineAlreadyExists");
}

TEST_F(StepFunctionsServiceTest, AMachineIsUpdated) {
  const Json updated = ask("UpdateStateMachine", {{"stateMachineArn", kMachine}, {"definition", "[]"}});
  EXPECT_EQ(updated.at("revisionId"), "second");
  EXPECT_EQ(ask("DescribeStateMachine", {{"stateMachineArn", kMachine}}).at("definition"), "[]");
  EXPECT_EQ(refuse("UpdateStateMachine", {{"stateMachineArn", kMachine}}), "MissingRequiredParameter");
  EXPECT_EQ(refuse("UpdateStateMachine", {{"stateMachineArn", kMachine}, {"definition", "{"}}), "InvalidDefinition");
  EXPECT_EQ(refuse("UpdateStateMachine", {{"stateMachineArn", std::string(kMachine) + "x"}, {"definition", "{}"}}),
            "StateMachineDoesNotExist");
}

TEST_F(StepFunctionsServiceTest, ABadDefinitionIsRefusedWithAllThatIsWrong) {
  Json bad = machine("bad");
  bad["definition"] = "{";
  const auto answer = call(states, "CreateStateMachine", bad);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().name(), "InvalidDefinition");
  EXPECT_EQ(answer.error().message(),
            "Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: no JSON at /, SECOND: another'");
}

TEST_F(StepFunctionsServiceTest, ADefinitionIsValidatedWithoutAMachine) {
  EXPECT_EQ(ask("ValidateStateMachineDefinition", {{"definition", "{}"}}),
            Json::parse(R"({"result": "OK", "diagnostics": [], "truncated": false})"));
  const Json bad = ask("ValidateStateMachineDefinition", {{"definition", "{"}, {"maxResults", 1}});
  EXPECT_EQ(bad.at("result"), "FAIL");
  EXPECT_EQ(bad.at("truncated"), true);
  EXPECT_EQ(bad.at("diagnostics"), Json::parse(R"([{"severity": "ERROR", "code": "INVALID_JSON_DESCRIPTION",
                                                     "message": "no JSON", "location": "/"}])"));
  EXPECT_EQ(ask("ValidateStateMachineDefinition", {{"definition", "warn"}}).at("diagnostics").size(), 0U);
  const Json warned = ask("ValidateStateMachineDefinition", {{"definition", "warn"}, {"severity", "WARNING"}});
  EXPECT_EQ(warned.at("result"), "OK");
  EXPECT_EQ(warned.at("diagnostics").at(0).at("severity"), "WARNING");
}

TEST_F(StepFunctionsServiceTest, MachinesAreListedInPages) {
  Json page = ask("ListStateMachines", {{"maxResults", 1}});
  EXPECT_EQ(page.at("stateMachines").at(0).at("name"), "fast");
  page = ask("ListStateMachines", {{"maxResults", 1}, {"nextToken", page.at("nextToken")}});
  EXPECT_EQ(page.at("stateMachines").at(0).at("name"), "m");
  EXPECT_FALSE(page.contains("nextToken"));
  EXPECT_EQ(refuse("ListStateMachines", {{"nextToken", "x"}}), "InvalidToken");
  EXPECT_EQ(refuse("ListStateMachines", {{"maxResults", 1001}}), "ValidationException");
}

TEST_F(StepFunctionsServiceTest, WrongMachinesAreRefused) {
  EXPECT_EQ(refuse("CreateStateMachine", machine("a b")), "InvalidName");
  EXPECT_EQ(refuse("CreateStateMachine", machine("a", "SLOW")), "ValidationException");
  Json role = machine("a");
  role["roleArn"] = "me";
  EXPECT_EQ(refuse("CreateStateMachine", role), "InvalidArn");
  role.erase("roleArn");
  EXPECT_EQ(refuse("CreateStateMachine", role), "ValidationException");
  EXPECT_EQ(refuse("DescribeStateMachine", {{"stateMachineArn", "m"}}), "InvalidArn");
  EXPECT_EQ(refuse("PublishStateMachineVersion", {{"stateMachineArn", kMachine}}), "UnknownOperationException");
}

// -------------------------------------------------------------------------------------------------- executions

TEST_F(StepFunctionsServiceTest, AnExecutionIsStartedAndDescribed) {
  const Json started = start("e", R"({"b": 1, "a": [2.0]})");
  EXPECT_EQ(started.at("executionArn"), execution("e"));
  Json described = ask("DescribeExecution", {{"executionArn", execution("e")}});
  EXPECT_EQ(described.at("status"), "RUNNING");
  EXPECT_EQ(described.at("stateMachineArn"), kMachine);
  EXPECT_EQ(described.at("input"), R"({"b":1,"a":[2.0]})");
  EXPECT_FALSE(described.contains("output"));
  EXPECT_FALSE(described.contains("stopDate"));
  backend.end("m", "e", "SUCCEEDED", value("[1]"));
  described = ask("DescribeExecution", {{"executionArn", execution("e")}});
  EXPECT_EQ(described.at("output"), "[1]");
  EXPECT_TRUE(described.contains("stopDate"));
  described = ask("DescribeExecution", {{"executionArn", execution("e")}, {"includedData", "METADATA_ONLY"}});
  EXPECT_FALSE(described.contains("input"));
  EXPECT_EQ(refuse("DescribeExecution", {{"executionArn", execution("x")}}), "ExecutionDoesNotExist");
}

TEST_F(StepFunctionsServiceTest, AnExecutionWithoutANameGetsOne) {
  const std::string arn = ask("StartExecution", {{"stateMachineArn", kMachine}}).at("executionArn");
  EXPECT_EQ(arn.size(), execution("").size() + 36);
  EXPECT_EQ(ask("DescribeExecution", {{"executionArn", arn}}).at("input"), "{}");
}

TEST_F(StepFunctionsServiceTest, StartingTheSameAgainIsNoErrorWhileItRuns) {
  const Json first = start("e", "[1]");
  EXPECT_EQ(start("e", "[1.0]"), first) << "equal as JSON";
  const Json parameters = {{"stateMachineArn", kMachine}, {"name", "e"}, {"input", "[2]"}};
  EXPECT_EQ(refuse("StartExecution", parameters), "ExecutionAlreadyExists");
  backend.end("m", "e", "SUCCEEDED", value("1"));
  EXPECT_EQ(refuse("StartExecution", {{"stateMachineArn", kMachine}, {"name", "e"}, {"input", "[1]"}}),
            "ExecutionAlreadyExists");
}

TEST_F(StepFunctionsServiceTest, WrongStartsAreRefused) {
  const auto with = [](const char* name, const Json& other) {
    Json parameters = {{"stateMachineArn", kMachine}};
    parameters[name] = other;
    return parameters;
  };
  EXPECT_EQ(refuse("StartExecution", with("input", "no json")), "InvalidExecutionInput");
  EXPECT_EQ(refuse("StartExecution", with("input", std::string(262'145, ' '))), "InvalidExecutionInput");
  EXPECT_EQ(refuse("StartExecution", with("name", "a b")), "InvalidName");
  EXPECT_EQ(refuse("StartExecution", with("stateMachineArn", execution("e"))), "InvalidArn");
  EXPECT_EQ(refuse("StartExecution", with("stateMachineArn", std::string(kMachine) + "x")), "StateMachineDoesNotExist");
  EXPECT_EQ(refuse("StartExecution"), "ValidationException");
}

TEST_F(StepFunctionsServiceTest, ExecutionsAreListedNewestFirstInPages) {
  for (const char* name : {"a", "b", "c"}) start(name);
  backend.end("m", "b", "FAILED", value("1"));
  Json page = ask("ListExecutions", {{"stateMachineArn", kMachine}, {"maxResults", 2}});
  EXPECT_EQ(page.at("executions").at(0).at("name"), "c");
  EXPECT_EQ(page.at("executions").at(1).at("executionArn"), execution("b"));
  start("d");
  page = ask("ListExecutions", {{"stateMachineArn", kMachine}, {"nextToken", page.at("nextToken")}});
  ASSERT_EQ(page.at("executions").size(), 1U) << "what began meanwhile changes nothing";
  EXPECT_EQ(page.at("executions").at(0).at("name"), "a");
  EXPECT_FALSE(page.contains("nextToken"));
  page = ask("ListExecutions", {{"stateMachineArn", kMachine}, {"statusFilter", "FAILED"}});
  EXPECT_EQ(page.at("executions").size(), 1U);
  EXPECT_EQ(refuse("ListExecutions"), "ValidationException");
  EXPECT_EQ(refuse("ListExecutions", {{"stateMachineArn", kMachine}, {"redriveFilter", "MAYBE"}}),
            "ValidationException");
  EXPECT_EQ(refuse("ListExecutions", {{"stateMachineArn", kMachine}, {"nextToken", "x"}}), "InvalidToken");
  EXPECT_EQ(refuse("ListExecutions", {{"stateMachineArn", std::string(kMachine) + "x"}}), "StateMachineDoesNotExist");
}

TEST_F(StepFunctionsServiceTest, HistoryComesInPagesFromEitherEnd) {
  start("e");
  for (std::int64_t id = 1; id <= 3; ++id) {
    backend.kept("m", "e").events.push_back({.id = id,
                                             .previous_id = id - 1,
                                             .type = "PassStateEntered",
                                             .details = value(R"({"name": "A", "input": 1})")});
  }
  const auto ids = [](const Json& page) {
    std::string text;
    for (const Json& event : page.at("events")) text += event.at("id").dump() + " ";
    return text;
  };
  Json page = ask("GetExecutionHistory", {{"executionArn", execution("e")}, {"maxResults", 2}});
  EXPECT_EQ(ids(page), "1 2 ");
  page = ask("GetExecutionHistory", {{"executionArn", execution("e")}, {"nextToken", page.at("nextToken")}});
  EXPECT_EQ(ids(page), "3 ");
  EXPECT_FALSE(page.contains("nextToken"));
  page = ask("GetExecutionHistory", {{"executionArn", execution("e")}, {"maxResults", 2}, {"reverseOrder", true}});
  EXPECT_EQ(ids(page), "3 2 ");
  page = ask("GetExecutionHistory",
             {{"executionArn", execution("e")}, {"reverseOrder", true}, {"nextToken", page.at("nextToken")}});
  EXPECT_EQ(ids(page), "1 ");
  page = ask("GetExecutionHistory", {{"executionArn", execution("e")}, {"includeExecutionData", false}});
  EXPECT_EQ(page.at("events").at(0).at("stateEnteredEventDetails"), Json::parse(R"({"name": "A"})"));
  EXPECT_EQ(refuse("GetExecutionHistory", {{"executionArn", execution("x")}}), "ExecutionDoesNotExist");
}

TEST_F(StepFunctionsServiceTest, AnExecutionIsStoppedAndRedriven) {
  start("e");
  EXPECT_EQ(refuse("RedriveExecution", {{"executionArn", execution("e")}}), "ExecutionNotRedrivable");
  const Json stopped = ask("StopExecution", {{"executionArn", execution("e")}, {"error", "Mine"}, {"cause", "why"}});
  EXPECT_TRUE(stopped.contains("stopDate"));
  const Json described = ask("DescribeExecution", {{"executionArn", execution("e")}});
  EXPECT_EQ(described.at("status"), "ABORTED");
  EXPECT_EQ(described.at("error"), "Mine");
  EXPECT_EQ(described.at("cause"), "why");
  EXPECT_TRUE(ask("RedriveExecution", {{"executionArn", execution("e")}}).contains("redriveDate"));
  EXPECT_EQ(ask("DescribeExecution", {{"executionArn", execution("e")}}).at("redriveCount"), 1);
  for (const char* operation :
       {"StopExecution", "RedriveExecution", "DescribeStateMachineForExecution", "ListMapRuns"}) {
    EXPECT_EQ(refuse(operation, {{"executionArn", execution("x")}}), "ExecutionDoesNotExist") << operation;
  }
}

TEST_F(StepFunctionsServiceTest, AnExecutionKeepsTheDefinitionThatItBeganWith) {
  start("e");
  ask("UpdateStateMachine", {{"stateMachineArn", kMachine}, {"definition", "[]"}});
  EXPECT_EQ(ask("DescribeStateMachineForExecution", {{"executionArn", execution("e")}}).at("definition"), "{ }");
}

TEST_F(StepFunctionsServiceTest, ASynchronousExecutionIsAnsweredAtItsEnd) {
  std::optional<Result<Json>> answer;
  states.handle({.operation = "StartSyncExecution",
                 .parameters = {{"stateMachineArn", "arn:aws:states:r:1:stateMachine:fast"}, {"name", "e"}},
                 .answer = [&](Result<Json> given) { answer = std::move(given); }});
  EXPECT_FALSE(answer);
  backend.sync_ended(ExecutionInfo{.id = {.machine = "fast", .name = "e:1"},
                                   .is_express = true,
                                   .status = "SUCCEEDED",
                                   .started_ms = 1000,
                                   .stopped_ms = 1100,
                                   .output = value("{}")});
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->at("executionArn"), "arn:aws:states:r:1:express:fast:e:1");
  EXPECT_EQ((*answer)->at("name"), "e");
  EXPECT_EQ((*answer)->at("output"), "{}");
  EXPECT_EQ((*answer)->at("billingDetails").at("billedDurationInMilliseconds"), 100) << "each 100 ms that were begun";
  EXPECT_EQ(refuse("StartSyncExecution", {{"stateMachineArn", kMachine}}), "StateMachineTypeNotSupported");
}

TEST_F(StepFunctionsServiceTest, AMapRunIsDescribedAndListed) {
  start("e");
  backend.map_runs["m/label:1"] = {.id = "m/label:1",
                                   .execution = {.machine = "m", .name = "e"},
                                   .status = "RUNNING",
                                   .started_ms = 1000,
                                   .max_concurrency = 3,
                                   .items = {.succeeded = 2, .total = 4}};
  const std::string arn = "arn:aws:states:region:account:mapRun:m/label:1";
  const Json described = ask("DescribeMapRun", {{"mapRunArn", arn}});
  EXPECT_EQ(described.at("mapRunArn"), arn);
  EXPECT_EQ(described.at("executionArn"), execution("e"));
  EXPECT_EQ(described.at("itemCounts").at("succeeded"), 2);
  const Json listed = ask("ListMapRuns", {{"executionArn", execution("e")}}).at("mapRuns");
  EXPECT_EQ(listed.at(0).at("stateMachineArn"), "arn:aws:states:region:account:stateMachine:m/label");
  EXPECT_EQ(refuse("DescribeMapRun", {{"mapRunArn", arn + "x"}}), "ResourceNotFound");
  EXPECT_EQ(refuse("ListExecutions", {{"mapRunArn", arn + "x"}}), "ResourceNotFound");
}

TEST_F(StepFunctionsServiceTest, OfAMapRunThatRunsWhatIsGivenIsChanged) {
  backend.map_runs["m/label:1"] = {.id = "m/label:1", .status = "RUNNING", .max_concurrency = 3};
  const std::string arn = "arn:aws:states:region:account:mapRun:m/label:1";
  EXPECT_EQ(ask("UpdateMapRun", {{"mapRunArn", arn}, {"toleratedFailurePercentage", 12.5}}), Json::object());
  EXPECT_EQ(ask("UpdateMapRun", {{"mapRunArn", arn}, {"toleratedFailureCount", 7}}), Json::object());
  const Json described = ask("DescribeMapRun", {{"mapRunArn", arn}});
  EXPECT_EQ(described.at("maxConcurrency"), 3);
  EXPECT_EQ(described.at("toleratedFailureCount"), 7);
  EXPECT_EQ(described.at("toleratedFailurePercentage"), 12.5);
  EXPECT_EQ(refuse("UpdateMapRun", {{"mapRunArn", arn}, {"maxConcurrency", -1}}), "ValidationException");
  EXPECT_EQ(refuse("UpdateMapRun", {{"mapRunArn", arn}, {"toleratedFailurePercentage", 101}}), "ValidationException");
  EXPECT_EQ(refuse("UpdateMapRun", {{"mapRunArn", arn + "x"}}), "ResourceNotFound");
  backend.map_runs["m/label:1"].status = "SUCCEEDED";
  EXPECT_EQ(refuse("UpdateMapRun", {{"mapRunArn", arn}, {"maxConcurrency", 1}}), "ValidationException");
}

TEST_F(StepFunctionsServiceTest, AStateIsTestedAndAnswersWithTexts) {
  const Json answer = ask("TestState", {{"definition", R"({"Type": "Pass", "InputPath": "$.a", "Next": "B"})"},
                                        {"input", R"({"a": [1]})"},
                                        {"inspectionLevel", "DEBUG"}});
  EXPECT_EQ(answer.at("status"), "SUCCEEDED");
  EXPECT_EQ(answer.at("output"), "[1]");
  EXPECT_EQ(answer.at("nextState"), "B");
  EXPECT_EQ(answer.at("inspectionData").at("afterInputPath"), "[1]");
  EXPECT_EQ(refuse("TestState", {{"definition", "{"}}), "InvalidDefinition");
  EXPECT_EQ(refuse("TestState", {{"definition", R"({"Type": "Pass", "End": true})"}, {"input", "{"}}),
            "InvalidExecutionInput");
}

/// Functions that answer with what they are given.
class EchoingTasks final : public TaskRunner {
 public:
  Result<Json> run(const Call& call) override {
    return Json{{"function", call.function_name}, {"given", call.payload}};
  }
};

TEST_F(StepFunctionsServiceTest, ATaskThatIsTestedWithoutAMockRuns) {
  const Json request = {{"definition", R"({"Type":"Task","Resource":"arn:aws:lambda:x:1:function:f","End":true})"},
                        {"input", R"({"a":1})"}};
  EchoingTasks tasks;
  StepFunctionsService running(backend, AwsPlace{}, polls, clock, random, &tasks);
  const Json answer = must(call(running, "TestState", request));
  EXPECT_EQ(answer.at("status"), "SUCCEEDED");
  EXPECT_EQ(answer.at("output"), R"({"function":"f","given":{"a":1}})");
  Json mocked = request;
  mocked["mock"] = {{"result", R"({"b":2})"}};
  EXPECT_EQ(must(call(running, "TestState", mocked)).at("output"), R"({"b":2})");
}

// -------------------------------------------------------------------------------------------------- activities

TEST_F(StepFunctionsServiceTest, AnActivityIsCreatedListedAndDeleted) {
  const std::string arn = ask("CreateActivity", {{"name", "a"}}).at("activityArn");
  EXPECT_EQ(arn, "arn:aws:states:us-east-1:000000000000:activity:a");
  EXPECT_EQ(ask("DescribeActivity", {{"activityArn", arn}}).at("name"), "a");
  EXPECT_EQ(ask("ListActivities").at("activities").size(), 1U);
  ask("DeleteActivity", {{"activityArn", arn}});
  EXPECT_EQ(refuse("DescribeActivity", {{"activityArn", arn}}), "ActivityDoesNotExist");
  EXPECT_EQ(refuse("GetActivityTask", {{"activityArn", arn}}), "ActivityDoesNotExist");
  EXPECT_EQ(refuse("CreateActivity", {{"name", "a b"}}), "InvalidName");
}

TEST_F(StepFunctionsServiceTest, AWorkerWaitsForATask) {
  const std::string arn = ask("CreateActivity", {{"name", "a"}}).at("activityArn");
  backend.tasks.push_back({.token = "t", .input = value("[1]")});
  EXPECT_EQ(ask("GetActivityTask", {{"activityArn", arn}}), Json::parse(R"({"taskToken": "t", "input": "[1]"})"));
  polls.stop();
  EXPECT_EQ(ask("GetActivityTask", {{"activityArn", arn}}), Json::object()) << "the wait is over";
}

TEST_F(StepFunctionsServiceTest, ATaskIsEndedFromOutside) {
  ask("SendTaskHeartbeat", {{"taskToken", "t"}});
  ask("SendTaskFailure", {{"taskToken", "t"}, {"error", "E"}, {"cause", "C"}});
  ask("SendTaskSuccess", {{"taskToken", "t"}, {"output", "{ }"}});
  EXPECT_EQ(backend.sent, (std::vector<std::string>{"heartbeat", "failed E C", "succeeded {}"}));
  EXPECT_EQ(refuse("SendTaskSuccess", {{"taskToken", "t"}, {"output", "{"}}), "InvalidOutput");
  EXPECT_EQ(refuse("SendTaskSuccess", {{"taskToken", "over"}, {"output", "{}"}}), "TaskTimedOut");
  EXPECT_EQ(refuse("SendTaskHeartbeat", {{"taskToken", "nonsense"}}), "InvalidToken");
}

}  // namespace
}  // namespace tillite::testing
