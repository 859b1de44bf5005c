#include "server/lambda_service.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>

#include "base/base64.h"
#include "base/bytes.h"
#include "support/aws_calls.h"
#include "support/must.h"
#include "support/scripted_functions.h"

namespace tillite::testing {
namespace {

std::string decoded(const std::string& text) {
  std::string bytes(base64_size(text).value(), '\0');
  EXPECT_TRUE(read_base64(text, std::as_writable_bytes(std::span(bytes))));
  return bytes;
}

class LambdaServiceTest : public ::testing::Test {
 protected:
  ScriptedFunctions functions;
  LambdaService lambda{functions, {}, {.threads = 1, .waiting_max = 1}};

  Json invoke(Json parameters) {
    parameters["FunctionName"] = "f";
    return must(call(lambda, "Invoke", parameters));
  }
  std::string refused(Json parameters) {
    parameters.emplace("FunctionName", "f");
    return error_of(lambda, "Invoke", parameters);
  }
};

TEST_F(LambdaServiceTest, AFunctionsResultIsThePayload) {
  EXPECT_EQ(invoke({{"Payload", "{\"a\": [1, \"ä\"]}"}}),
            (Json{{"StatusCode", 200}, {"ExecutedVersion", "$LATEST"}, {"Payload", "{\"a\":[1,\"ä\"]}"}}));
  EXPECT_EQ(invoke({{"Payload", ""}}).at("Payload"), "{}") << "no payload is an empty object";
  EXPECT_EQ(invoke({{"Payload", "null"}}).at("Payload"), "null");
}

TEST_F(LambdaServiceTest, AFunctionThatFailsIsNoErrorOfTheService) {
  functions.work = [](const Json&) { return fail(Code::unavailable, "the table is busy"); };
  EXPECT_EQ(invoke(Json::object()),
            (Json{{"StatusCode", 200},
                  {"ExecutedVersion", "$LATEST"},
                  {"FunctionError", "Unhandled"},
                  {"Payload", R"({"errorMessage":"the table is busy","errorType":"Tillite.Unavailable"})"}}));
}

TEST_F(LambdaServiceTest, AFunctionThatRunsTooOftenIsRefusedAndAnEventMayWait) {
  functions.is_throttled = true;
  EXPECT_EQ(refused(Json::object()), "TooManyRequestsException");
  EXPECT_FALSE(functions.may_wait);
  EXPECT_EQ(invoke({{"InvocationType", "Event"}}).at("StatusCode"), 202);
  while (!functions.may_wait) std::this_thread::yield();
}

TEST_F(LambdaServiceTest, AFunctionThatWasStoppedCanBeCalledAgain) {
  functions.work = [](const Json&) { return fail(Code::cancelled, "stopped"); };
  EXPECT_EQ(refused(Json::object()), "ServiceException");
}

TEST_F(LambdaServiceTest, TheEndOfTheLogComesWithTheResultIfItIsAskedFor) {
  const Json answer = invoke({{"LogType", "Tail"}});
  EXPECT_NE(decoded(answer.at("LogResult")).find("REPORT RequestId: the-request"), std::string::npos);
  EXPECT_FALSE(invoke({{"LogType", "None"}}).contains("LogResult"));
}

TEST_F(LambdaServiceTest, AnEventIsAcceptedAndRunLater) {
  const auto seen = std::make_shared<std::promise<Json>>();
  functions.work = [seen](const Json& event) {
    seen->set_value(event);
    return event;
  };
  EXPECT_EQ(invoke({{"InvocationType", "Event"}, {"Payload", "[1]"}}), (Json{{"StatusCode", 202}}));
  EXPECT_EQ(seen->get_future().get(), Json::array({1}));
}

TEST_F(LambdaServiceTest, ADryRunRunsNothing) {
  functions.work = [](const Json&) -> Result<Json> {
    ADD_FAILURE() << "it ran";
    return Json();
  };
  EXPECT_EQ(invoke({{"InvocationType", "DryRun"}}), (Json{{"StatusCode", 204}}));
  EXPECT_EQ(error_of(lambda, "Invoke", {{"FunctionName", "g"}, {"InvocationType", "DryRun"}}),
            "ResourceNotFoundException");
}

TEST_F(LambdaServiceTest, WrongParametersAreNamed) {
  EXPECT_EQ(error_of(lambda, "Invoke", {{"FunctionName", "g"}}), "ResourceNotFoundException");
  EXPECT_EQ(error_of(lambda, "Invoke", {{"FunctionName", "f:live"}}), "ResourceNotFoundException");
  EXPECT_EQ(error_of(lambda, "Invoke", {{"FunctionName", "a b"}}), "ValidationException");
  EXPECT_EQ(refused({{"Qualifier", "live"}}), "ResourceNotFoundException");
  EXPECT_EQ(refused({{"Qualifier", "$LATEST"}}), "");
  EXPECT_EQ(refused({{"FunctionName", "f:$LATEST"}, {"Qualifier", "1"}}), "InvalidParameterValueException");
  EXPECT_EQ(refused({{"Payload", "{"}}), "InvalidRequestContentException");
  EXPECT_EQ(refused({{"InvocationType", "Sometimes"}}), "ValidationException");
  EXPECT_EQ(refused({{"LogType", "Head"}}), "ValidationException");
  EXPECT_EQ(error_of(lambda, "DeleteFunction", {{"FunctionName", "f"}}), "UnknownOperationException");
}

TEST_F(LambdaServiceTest, PayloadsHaveTheirLimits) {
  const auto text_of = [](std::size_t bytes) { return "\"" + std::string(bytes - 2, 'x') + "\""; };
  EXPECT_EQ(refused({{"Payload", text_of(LambdaService::kPayloadBytesMax)}}), "");
  EXPECT_EQ(refused({{"Payload", text_of(LambdaService::kPayloadBytesMax + 1)}}), "RequestTooLargeException");
  EXPECT_EQ(refused({{"Payload", text_of(LambdaService::kEventPayloadBytesMax + 1)}, {"InvocationType", "Event"}}),
            "RequestTooLargeException");
  functions.work = [&](const Json&) { return Json(std::string(LambdaService::kPayloadBytesMax, 'x')); };
  const Json answer = invoke(Json::object());
  EXPECT_EQ(answer.at("FunctionError"), "Unhandled");
  EXPECT_EQ(Json::parse(answer.at("Payload").get<std::string>()).at("errorType"), "Function.ResponseSizeTooLarge");
}

TEST_F(LambdaServiceTest, TooManyCallsAreTurnedAwayAndWaitingOnesRefusedAtTheEnd) {
  const auto begun = std::make_shared<std::promise<void>>();
  const auto may_end = std::make_shared<std::promise<void>>();
  functions.work = [begun, end = may_end->get_future().share()](const Json& event) -> Result<Json> {
    begun->set_value();
    end.wait();
    return event;
  };
  const auto later = [&] {
    const auto answer = std::make_shared<std::promise<Result<Json>>>();
    lambda.handle({.operation = "Invoke",
                   .parameters = {{"FunctionName", "f"}},
                   .answer = [answer](Result<Json> result) { answer->set_value(std::move(result)); }});
    return answer->get_future();
  };
  auto running = later();
  begun->get_future().wait();
  auto waiting = later();
  EXPECT_EQ(refused(Json::object()), "TooManyRequestsException");
  lambda.stop();
  EXPECT_EQ(waiting.get().error().name(), "ServiceException");
  EXPECT_EQ(refused({{"InvocationType", "Event"}}), "ServiceException") << "it would not be run";
  may_end->set_value();
  EXPECT_EQ(must(running.get()).at("Payload"), "{}");
}

TEST_F(LambdaServiceTest, FunctionsAreDescribed) {
  const Json described = must(call(lambda, "GetFunction", {{"FunctionName", "f"}})).at("Configuration");
  EXPECT_EQ(described.at("FunctionArn"), "arn:aws:lambda:us-east-1:000000000000:function:f");
  EXPECT_EQ(described.at("MemorySize"), 256);
  EXPECT_EQ(described.at("Timeout"), 900);
  EXPECT_EQ(described.at("EphemeralStorage"), (Json{{"Size", 512}}));
  EXPECT_EQ(described.at("Environment"), (Json{{"Variables", {{"A", "1"}}}}));
  EXPECT_EQ(described.at("State"), "Active");
  EXPECT_EQ(must(call(lambda, "GetFunctionConfiguration", {{"FunctionName", "f"}})), described);
  EXPECT_EQ(error_of(lambda, "GetFunction", {{"FunctionName", "g"}}), "ResourceNotFoundException");
}

TEST_F(LambdaServiceTest, FunctionsAreListedInPages) {
  const Json page = must(call(lambda, "ListFunctions", {{"MaxItems", 1}}));
  EXPECT_EQ(page.at("Functions").at(0).at("FunctionName"), "f");
  const Json next = must(call(lambda, "ListFunctions", {{"Marker", page.at("NextMarker")}}));
  EXPECT_EQ(next.at("Functions").at(0).at("PackageType"), "Image");
  EXPECT_FALSE(next.contains("NextMarker"));
  EXPECT_EQ(error_of(lambda, "ListFunctions", {{"Marker", "x"}}), "InvalidParameterValueException");
  EXPECT_EQ(error_of(lambda, "ListFunctions", {{"MaxItems", 0}}), "ValidationException");
}

}  // namespace
}  // namespace tillite::testing
