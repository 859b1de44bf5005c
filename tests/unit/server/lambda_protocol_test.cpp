#include "server/lambda_protocol.h"

#include <gtest/gtest.h>

#include "support/must.h"

namespace tillite::testing {
namespace {

ServerRequest request(std::string method, std::string target) {
  return {.method = std::move(method), .target = std::move(target)};
}

std::string error_of(std::string method, std::string target) {
  const auto parsed = parse_lambda_request(request(std::move(method), std::move(target)));
  return parsed ? "" : parsed.error().name();
}

std::string field(const ServerResponse& response, std::string_view name) {
  for (const HttpField& field : response.fields) {
    if (field.name == name) return field.value;
  }
  return "";
}

TEST(LambdaProtocolTest, AnInvocationIsReadFromPathQueryHeadersAndBody) {
  ServerRequest asked = request(
      "POST", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Ar%3Aa%3Afunction%3Af/invocations?Qualifier=%24LATEST");
  asked.fields = {{"x-amz-invocation-type", "Event"}, {"x-amz-log-type", "Tail"}, {"x-amz-client-context", "e30="}};
  asked.body = "{\"a\": 1}";
  const LambdaRequest parsed = must(parse_lambda_request(asked));
  EXPECT_EQ(parsed.operation, "Invoke");
  EXPECT_EQ(parsed.parameters, (Json{{"FunctionName", "arn:aws:lambda:r:a:function:f"},
                                     {"Qualifier", "$LATEST"},
                                     {"InvocationType", "Event"},
                                     {"LogType", "Tail"},
                                     {"ClientContext", "e30="},
                                     {"Payload", "{\"a\": 1}"}}));
}

TEST(LambdaProtocolTest, FunctionsAreListedAndDescribed) {
  const LambdaRequest listed = must(parse_lambda_request(request("GET", "/2015-03-31/functions/?MaxItems=2&Marker=4")));
  EXPECT_EQ(listed.operation, "ListFunctions");
  EXPECT_EQ(listed.parameters, (Json{{"MaxItems", 2}, {"Marker", "4"}}));
  EXPECT_EQ(must(parse_lambda_request(request("GET", "/2015-03-31/functions"))).operation, "ListFunctions");
  const LambdaRequest described = must(parse_lambda_request(request("GET", "/2015-03-31/functions/f")));
  EXPECT_EQ(described.operation, "GetFunction");
  EXPECT_EQ(described.parameters, (Json{{"FunctionName", "f"}}));
  EXPECT_EQ(must(parse_lambda_request(request("GET", "/2015-03-31/functions/f/configuration"))).operation,
            "GetFunctionConfiguration");
}

TEST(LambdaProtocolTest, AQueryCannotStandForHeadersOrTheBody) {
  const LambdaRequest parsed = must(parse_lambda_request(
      request("POST", "/2015-03-31/functions/f/invocations?InvocationType=Event&Payload=1&FunctionName=g&x=y")));
  EXPECT_EQ(parsed.parameters, (Json{{"FunctionName", "f"}, {"Payload", ""}}));
}

TEST(LambdaProtocolTest, WhatIsNoRequestOfLambdaIsNamed) {
  EXPECT_EQ(error_of("DELETE", "/2015-03-31/functions/f"), "UnknownOperationException");
  EXPECT_EQ(error_of("POST", "/2015-03-31/functions"), "UnknownOperationException");
  EXPECT_EQ(error_of("GET", "/2015-03-31/functionsx"), "UnknownOperationException");
  EXPECT_EQ(error_of("GET", "/2015-03-31/event-source-mappings/"), "UnknownOperationException");
  EXPECT_EQ(error_of("POST", "/2015-03-31/functions/f/invocations/more"), "UnknownOperationException");
  EXPECT_EQ(error_of("GET", "/2015-03-31/functions/%2"), "ValidationException");
  EXPECT_EQ(error_of("GET", "/2015-03-31/functions?Marker=%zz"), "ValidationException");
  EXPECT_EQ(error_of("GET", "/2015-03-31/functions?MaxItems=many"), "ValidationException");
}

TEST(LambdaProtocolTest, AnInvocationIsAnsweredByItsPayloadAndHeaders) {
  const ServerResponse response = lambda_answer("Invoke", {{"StatusCode", 200},
                                                           {"ExecutedVersion", "$LATEST"},
                                                           {"FunctionError", "Unhandled"},
                                                           {"LogResult", "QQ=="},
                                                           {"Payload", "{\"errorType\":\"E\"}"}});
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, "{\"errorType\":\"E\"}");
  EXPECT_EQ(field(response, "X-Amz-Executed-Version"), "$LATEST");
  EXPECT_EQ(field(response, "X-Amz-Function-Error"), "Unhandled");
  EXPECT_EQ(field(response, "X-Amz-Log-Result"), "QQ==");
  const ServerResponse accepted = lambda_answer("Invoke", {{"StatusCode", 202}});
  EXPECT_EQ(accepted.status, 202U);
  EXPECT_EQ(accepted.body, "");
  EXPECT_EQ(accepted.content_type, "") << "there is no body to have one";
  EXPECT_TRUE(accepted.fields.empty());
}

TEST(LambdaProtocolTest, ErrorsHaveTheStatusThatLambdaGivesThem) {
  const auto status = [](std::string name) { return lambda_error({.name = std::move(name)}).status; };
  EXPECT_EQ(status("ResourceNotFoundException"), 404U);
  EXPECT_EQ(status("InvalidRequestContentException"), 400U);
  EXPECT_EQ(status("RequestTooLargeException"), 413U);
  EXPECT_EQ(status("TooManyRequestsException"), 429U);
  EXPECT_EQ(status("ServiceException"), 500U);
  const ServerResponse missing = lambda_error({.name = "ResourceNotFoundException", .message = "no f"});
  EXPECT_EQ(field(missing, "x-amzn-ErrorType"), "ResourceNotFoundException");
  EXPECT_EQ(Json::parse(missing.body), (Json{{"Type", "User"}, {"Message", "no f"}}));
  const ServerResponse refused = lambda_error({.name = "InvalidSignatureException", .status = 403, .message = "no"});
  EXPECT_EQ(refused.status, 403U);
  EXPECT_EQ(Json::parse(refused.body), (Json{{"Type", "User"}, {"message", "no"}}));
}

}  // namespace
}  // namespace tillite::testing
