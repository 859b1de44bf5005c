#include "workflow/test_state.h"

#include <gtest/gtest.h>

#include "support/must.h"

namespace tillite::testing {
namespace {

Value value(std::string_view text) { return must(parse_value(text, "a value")); }

Value::Object call(const std::string& definition, const std::string& input = "{}") {
  return {{"definition", definition}, {"input", input}, {"inspectionLevel", "TRACE"}};
}

Value::Object with_result(const std::string& definition, const std::string& result) {
  Value::Object made = call(definition);
  made.set("mock", Value::Object{{"result", result}});
  return made;
}

Value::Object with_error(const std::string& definition, const std::string& error) {
  Value::Object made = call(definition);
  made.set("mock", Value::Object{{"errorOutput", Value::Object{{"error", error}, {"cause", "why"}}}});
  return made;
}

Result<Value> answer_to(Value::Object call, const TestStateSurroundings& around = {}) {
  return test_state(TRY(test_state_request(Value(std::move(call)))), around);
}

/// The answer's field at a path such as "inspectionData.errorDetails"; nothing if it is absent.
std::optional<Value> in(const Result<Value>& answer, std::string_view path) {
  Value at = must(answer);
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    const Value* field = at.find(name);
    if (field == nullptr) return std::nullopt;
    at = Value(*field);
  }
  return at;
}

std::string refusal(Value::Object call) {
  const auto answer = answer_to(std::move(call));
  EXPECT_FALSE(answer.has_value());
  return answer ? "" : answer.error().name() + ": " + answer.error().message();
}

const std::string kTask = R"({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
  "Parameters": {"FunctionName": "f", "Payload.$": "$"}, "Next": "Then",
  "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 3, "MaxDelaySeconds": 10}],
  "Catch": [{"ErrorEquals": ["Broken"], "Next": "First"},
            {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Second"}]})";

const std::string kMap =
    R"({"Type": "Map", "QueryLanguage": "JSONata", "Items": [1, 2, 3], "ToleratedFailurePercentage": 40,
  "ItemSelector": {"n": "{% $states.context.Map.Item.Value %}"},
  "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                    "StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "End": true}}}, "End": true})";

TEST(TestState, TellsWhereAStateGoesOnWithoutGoingThere) {
  const auto answer = answer_to(call(R"({"Type": "Pass", "Result": 1, "ResultPath": "$.a", "Next": "Elsewhere"})"));
  EXPECT_EQ(in(answer, "status"), Value("SUCCEEDED"));
  EXPECT_EQ(in(answer, "nextState"), Value("Elsewhere"));
  EXPECT_EQ(in(answer, "output"), value(R"({"a": 1})"));
}

TEST(TestState, MayGoOnToStatesWhoseNamesItHasInside) {
  const std::string parallel = R"({"Type": "Parallel", "Next": "Inner",
    "Branches": [{"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "End": true}}}]})";
  EXPECT_EQ(in(answer_to(with_result(parallel, "[1]")), "nextState"), Value("Inner"));
}

TEST(TestState, FindsTheNamedStateAtAnyDepth) {
  Value::Object request =
      call(R"({"StartAt": "M", "QueryLanguage": "JSONata", "States": {"M": {"Type": "Map", "End": true,
    "ItemProcessor": {"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "Output": "{% 1 + 1 %}", "End": true}}}}}})");
  request.set("stateName", "Inner");
  EXPECT_EQ(in(answer_to(request), "output"), Value(2));
  request.set("stateName", "Nobody");
  EXPECT_EQ(refusal(request), "ValidationException: stateName: there is no state 'Nobody' in the definition");
}

TEST(TestState, ShowsTheDataInBetweenFromDebugOn) {
  Value::Object request = with_result(kTask, R"({"Payload": 7})");
  request.set("input", R"({"a": 1})");
  const auto answer = answer_to(request);
  EXPECT_EQ(in(answer, "inspectionData"), value(R"({"input": {"a": 1}, "afterInputPath": {"a": 1},
    "afterParameters": {"FunctionName": "f", "Payload": {"a": 1}}, "result": {"Payload": 7},
    "afterResultSelector": {"Payload": 7}, "afterResultPath": {"Payload": 7}})"));
  request.set("inspectionLevel", "INFO");
  EXPECT_EQ(in(answer_to(request), "inspectionData"), std::nullopt);
}

TEST(TestState, SaysHowLongItWouldWaitForTheNextAttempt) {
  Value::Object request = with_error(kTask, "Busy");
  EXPECT_EQ(in(answer_to(request), "status"), Value("RETRIABLE"));
  EXPECT_EQ(in(answer_to(request), "inspectionData.errorDetails"),
            value(R"({"retryIndex": 0, "retryBackoffIntervalSeconds": 3})"));
  request.set("stateConfiguration", Value::Object{{"retrierRetryCount", 2}});
  EXPECT_EQ(in(answer_to(request), "inspectionData.errorDetails.retryBackoffIntervalSeconds"), Value(10));
}

TEST(TestState, CatchesWhatHasNoAttemptsLeft) {
  Value::Object request = with_error(kTask, "Busy");
  request.set("stateConfiguration", Value::Object{{"retrierRetryCount", 3}});
  const auto answer = answer_to(request);
  EXPECT_EQ(in(answer, "status"), Value("CAUGHT_ERROR"));
  EXPECT_EQ(in(answer, "nextState"), Value("Second"));
  EXPECT_EQ(in(answer, "error"), Value("Busy"));
  EXPECT_EQ(in(answer, "output"), value(R"({"error": {"Error": "Busy", "Cause": "why"}})"));
  EXPECT_EQ(in(answer, "inspectionData.errorDetails"), value(R"({"retryIndex": 0, "catchIndex": 1})"));
}

TEST(TestState, FailsWithAnExpressionsErrorAsItIs) {
  const auto answer =
      answer_to(call(R"({"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $nobody %}", "End": true})"));
  EXPECT_EQ(in(answer, "status"), Value("FAILED"));
  EXPECT_EQ(in(answer, "error"), Value("States.QueryEvaluationError"));
  EXPECT_EQ(in(answer, "cause"),
            Value("The JSONata expression '$nobody' specified for the field 'Output' returned nothing (undefined)."));
}

TEST(TestState, MakesTheInputsOfIterationsThatAreMocked) {
  const auto answer = answer_to(with_result(kMap, "[1, 2, 3]"));
  EXPECT_EQ(in(answer, "output"), value("[1, 2, 3]"));
  EXPECT_EQ(in(answer, "inspectionData.afterItemSelector"), value(R"([{"n": 1}, {"n": 2}, {"n": 3}])"));
  EXPECT_EQ(in(answer, "inspectionData.toleratedFailurePercentage"), Value(40));
  EXPECT_EQ(in(answer, "inspectionData.maxConcurrency"), Value(0));
}

TEST(TestState, CountsFailedIterationsAgainstTheTolerance) {
  Value::Object request = with_result(kMap, "[1, 2, 3]");
  request.set("stateConfiguration", Value::Object{{"mapIterationFailureCount", 1}});
  EXPECT_EQ(in(answer_to(request), "status"), Value("SUCCEEDED"));
  request.set("stateConfiguration", Value::Object{{"mapIterationFailureCount", 2}});
  EXPECT_EQ(in(answer_to(request), "error"), Value("States.ExceedToleratedFailureThreshold"));
}

TEST(TestState, ReadsItemsFromTheTextInPlaceOfTheObject) {
  Value::Object request = with_result(
      R"({"Type": "Map", "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV",
          "CSVHeaderLocation": "FIRST_ROW"}, "Parameters": {"Bucket": "b", "Key": "k"}}, "ItemBatcher": {"MaxItemsPerBatch": 2},
          "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                            "StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "End": true}}}, "End": true})",
      "[]");
  request.set("stateConfiguration", Value::Object{{"mapItemReaderData", "a\n1\n2\n3\n"}});
  EXPECT_EQ(in(answer_to(request), "inspectionData.afterItemBatcher"),
            value(R"([{"Items": [{"a": "1"}, {"a": "2"}]}, {"Items": [{"a": "3"}]}])"));
  request.set("stateConfiguration", Value::Object{{"mapItemReaderData", "a,a\n1,2\n"}});
  EXPECT_EQ(in(answer_to(request), "error"), Value("States.ItemReaderFailed"));
}

TEST(TestState, ReadsItemsFromInsideAJsonFile) {
  const auto with_pointer = [](const std::string& pointer) {
    Value::Object request = with_result(
        R"({"Type": "Map", "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"},
            "ReaderConfig": {"InputType": "JSON", "ItemsPointer": ")" +
            pointer + R"("}}, "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "End": true}}}, "End": true})",
        "[]");
    request.set("stateConfiguration", Value::Object{{"mapItemReaderData", R"({"a": [{"b/c~": [1, 2]}, 3]})"}});
    return request;
  };
  EXPECT_EQ(in(answer_to(with_pointer("/a/0/b~1c~0")), "inspectionData.afterItemsPointer"), value("[1, 2]"));
  for (const char* nowhere : {"/a/2", "/a/x", "/b", "/a/0/b/c"})
    EXPECT_EQ(in(answer_to(with_pointer(nowhere)), "error"), Value("States.ItemReaderFailed")) << nowhere;
  EXPECT_EQ(in(answer_to(with_pointer("/a/1")), "cause"), Value("Attempting to map over non-iterable node."));
  EXPECT_TRUE(
      refusal(with_pointer("a")).starts_with("InvalidDefinition: StateName.ItemReader.ReaderConfig.ItemsPointer"));
}

TEST(TestState, SeesTheContextAndTheVariablesThatAreGiven) {
  Value::Object request = call(R"({"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% [$states.context, $a] %}",
    "Assign": {"b": "{% $a + 1 %}"}, "End": true})");
  request.set("context", R"({"Mine": true})");
  request.set("variables", R"({"a": 1})");
  EXPECT_EQ(in(answer_to(request), "output"), value(R"([{"Mine": true}, 1])"));
  EXPECT_EQ(in(answer_to(request), "inspectionData.variables"), value(R"({"a": 1, "b": 2})"));
}

TEST(TestState, TakesNoTimeForAWait) {
  const auto answer = answer_to(call(R"({"Type": "Wait", "Seconds": 99999999, "Next": "Later"})", "[1]"));
  EXPECT_EQ(in(answer, "output"), value("[1]"));
  EXPECT_EQ(in(answer, "nextState"), Value("Later"));
}

TEST(TestState, CallsTheTaskThatHasNoMock) {
  class Doubling final : public TaskRunner {
    Result<Json> run(const Call& call) override { return call.payload.at("n").get<int>() * 2; }
  } doubling;
  const auto request = call(kTask, R"({"n": 21})");
  EXPECT_EQ(in(answer_to(request, {.tasks = &doubling}), "output"),
            value(R"({"ExecutedVersion": "$LATEST", "Payload": 42, "StatusCode": 200})"));
  EXPECT_EQ(answer_to(request).error().code(), Code::unsupported);
}

TEST(TestState, AnswersWithTextsOnTheWire) {
  const Value wire = test_state_wire(must(answer_to(with_result(kMap, "[1]"))));
  EXPECT_EQ(*wire.find("output"), Value("[1]"));
  EXPECT_EQ(*wire.find("status"), Value("SUCCEEDED"));
  EXPECT_EQ(*wire.find("inspectionData"),
            value(R"({"input": "{}", "maxConcurrency": 0, "toleratedFailurePercentage": 40,
                      "afterItemSelector": "[{\"n\":1},{\"n\":2},{\"n\":3}]"})"));
}

TEST(TestState, RefusesMocksThatDoNotFitTheState) {
  const std::string pass = R"({"Type": "Pass", "End": true})";
  EXPECT_EQ(refusal(with_result(pass, "1")),
            "ValidationException: State type 'Pass' is not supported when a mock is specified");
  EXPECT_EQ(refusal(with_result(kMap, "{}")), "ValidationException: Mocked result must be an array.");
  EXPECT_EQ(refusal(call(kMap)),
            "InvalidDefinition: TestState API does not support Map or Parallel states. Supported state types include: "
            "[Task, Wait, Pass, Succeed, Fail, Choice]");
  Value::Object both = with_error(kTask, "E");
  both.set("mock", value(R"({"result": "1", "errorOutput": {"error": "E"}})"));
  EXPECT_EQ(refusal(both),
            "ValidationException: A test mock should have only one of the following fields: [result, errorOutput].");
  Value::Object secret = with_result(kTask, "1");
  secret.set("revealSecrets", true);
  EXPECT_EQ(refusal(secret), "ValidationException: TestState does not support RevealSecrets when a mock is specified.");
  Value::Object elsewhere = with_error(kMap, "E");
  elsewhere.set("stateConfiguration", Value::Object{{"errorCausedByState", "Nobody"}});
  EXPECT_EQ(refusal(elsewhere),
            "ValidationException: errorCausedByState: there is no state 'Nobody' inside the state StateName");
}

TEST(TestState, RefusesWhatIsBeyondTheApisLimits) {
  EXPECT_EQ(refusal({}), "ValidationException: definition is missing");
  EXPECT_TRUE(refusal(call("{")).starts_with("InvalidDefinition: definition"));
  EXPECT_EQ(refusal(call(R"({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})")),
            "InvalidDefinition: the definition is a state machine's: stateName must say which state is tested");
  EXPECT_TRUE(refusal(call(R"({"Type": "Nothing"})")).starts_with("InvalidDefinition: StateName"));
  EXPECT_TRUE(refusal(call(R"({"Type": "Succeed"})", "{")).starts_with("InvalidExecutionInput: input"));
  EXPECT_TRUE(
      refusal(with_result(kTask, std::string(262'145, ' '))).starts_with("ValidationException: mock.result has"));
  Value::Object request = call(kTask);
  request.set("inspectionLevel", "ALL");
  EXPECT_EQ(refusal(request), "ValidationException: inspectionLevel must be one of INFO, DEBUG, TRACE");
  request = call(kTask);
  request.set("stateConfiguration", Value::Object{{"retrierRetryCount", -1}});
  EXPECT_EQ(refusal(request),
            "ValidationException: stateConfiguration.retrierRetryCount must be a whole number from 0 to 2147483647");
}

}  // namespace
}  // namespace tillite::testing
