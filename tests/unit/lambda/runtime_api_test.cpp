#include "lambda/runtime_api.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "support/http_server.h"
#include "support/must.h"

namespace tillite::testing {
namespace {

class RuntimeApiTest : public ::testing::Test {
 protected:
  HttpServer::Answer answer;  ///< to everything
  HttpServer server{[this](const HttpServer::Request&) { return answer; }};
  RuntimeApi api = must(RuntimeApi::at(fmt::format("127.0.0.1:{}", server.port())));
};

TEST_F(RuntimeApiTest, AnInvocationComesWithWhatSurroundsIt) {
  answer.headers = {
      "Lambda-Runtime-Aws-Request-Id: r-1", "Lambda-Runtime-Deadline-Ms: 1700000000123",
      "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:1:function:f:live",
      "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"};
  answer.body = R"({"text":"ä"})";
  const RuntimeInvocation invocation = must(api.next());
  EXPECT_EQ(invocation.request_id, "r-1");
  EXPECT_EQ(invocation.deadline_ms, 1'700'000'000'123);
  EXPECT_EQ(invocation.function_arn, "arn:aws:lambda:eu-central-1:1:function:f:live");
  EXPECT_EQ(invocation.trace_header, "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1");
  EXPECT_EQ(invocation.event, R"({"text":"ä"})");
  EXPECT_EQ(server.requests().at(0).method, "GET");
  EXPECT_EQ(server.requests().at(0).target, "/2018-06-01/runtime/invocation/next");
}

TEST_F(RuntimeApiTest, WhatIsNoInvocationIsRefused) {
  answer.body = "{}";
  EXPECT_EQ(api.next().error().code(), Code::unavailable) << "without a request id";
  answer.headers = {"Lambda-Runtime-Aws-Request-Id: ../init"};
  EXPECT_EQ(api.next().error().code(), Code::unavailable) << "its id would be part of a path";
  answer.headers = {};
  answer.status = 500;
  EXPECT_EQ(api.next().error().code(), Code::unavailable);
}

TEST_F(RuntimeApiTest, AResultAndAnErrorGoToTheirInvocation) {
  answer.status = 202;
  must(api.respond("r-1", R"({"a":1})"));
  must(api.fail("r-2", {.type = "Tillite.LockHeld", .message = "somebody has it"}));
  must(api.fail_init({.type = "Tillite.InvalidInput", .message = "no HANDLER_TYPE"}));
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3);
  EXPECT_EQ(requests[0].target, "/2018-06-01/runtime/invocation/r-1/response");
  EXPECT_EQ(requests[0].body, R"({"a":1})");
  EXPECT_EQ(requests[1].target, "/2018-06-01/runtime/invocation/r-2/error");
  EXPECT_EQ(requests[1].headers.at("lambda-runtime-function-error-type"), "Tillite.LockHeld");
  EXPECT_EQ(
      must(parse_json(requests[1].body, "")),
      (Json{{"errorMessage", "somebody has it"}, {"errorType", "Tillite.LockHeld"}, {"stackTrace", Json::array()}}));
  EXPECT_EQ(requests[2].target, "/2018-06-01/runtime/init/error");
  EXPECT_EQ(requests[2].headers.at("lambda-runtime-function-error-type"), "Tillite.InvalidInput");
  EXPECT_EQ(server.connections(), 1) << "one connection is kept";
}

TEST_F(RuntimeApiTest, AResultThatIsTooLargeIsNotSentAndItsSizeNamed) {
  const auto refused = api.respond("r-1", std::string(RuntimeApi::kPayloadBytesMax + 1, ' '));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::limit_exceeded);
  EXPECT_NE(refused.error().message().find("6291557"), std::string::npos) << refused.error().message();
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(RuntimeApiTest, AResultThatIsRefusedAsTooLargeNamesItsSize) {
  answer.status = 413;
  const auto refused = api.respond("r-1", std::string(1234, ' '));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::limit_exceeded);
  EXPECT_NE(refused.error().message().find("1234 bytes"), std::string::npos) << refused.error().message();
}

TEST_F(RuntimeApiTest, AnAnswerThatIsNotTakenIsAnError) {
  answer.status = 400;
  EXPECT_EQ(api.respond("r-1", "{}").error().code(), Code::unavailable);
  EXPECT_EQ(api.fail("r-1", {}).error().code(), Code::unavailable);
}

TEST_F(RuntimeApiTest, AConnectionThatWasClosedIsMadeAnew) {
  answer.raw = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";  // and the end of the connection
  must(api.respond("r-1", "{}"));
  must(api.respond("r-2", "{}"));
  EXPECT_EQ(server.connections(), 2);
}

TEST(RuntimeApiAddressTest, AnAddressIsHostAndPort) {
  for (const char* text : {"", "127.0.0.1", ":80", "a:", "a:0", "a:65536", "a:b"}) {
    const auto api = RuntimeApi::at(text);
    ASSERT_FALSE(api) << text;
    EXPECT_NE(api.error().message().find("AWS_LAMBDA_RUNTIME_API"), std::string::npos);
  }
  EXPECT_TRUE(RuntimeApi::at("[::1]:9001"));
}

TEST(RuntimeApiAddressTest, NobodyThereIsUnavailable) {
  EXPECT_EQ(must(RuntimeApi::at("127.0.0.1:1")).next().error().code(), Code::unavailable);
}

}  // namespace
}  // namespace tillite::testing
