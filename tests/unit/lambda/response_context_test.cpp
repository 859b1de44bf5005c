#include "lambda/response_context.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "support/must.h"

namespace tillite::testing {
namespace {

/// An event of the shape that AWS documents.
Json recorded(const std::string& name) {
  const Path file = Path(TILLITE_SOURCE_DIR) / "tests/unit/lambda/events" / (name + ".json");
  return must(parse_json(must(read_file(file)), name));
}

Json payload(const FunctionAnswer& answer) {
  EXPECT_FALSE(answer.is_error) << answer.error_message;
  return must(parse_json(answer.payload, "the payload"));
}

const Error kBusy(Code::unavailable, "the table is busy");

TEST(ResponseContextTest, ACallerIsRecognisedByItsEvent) {
  EXPECT_EQ(recognise_caller(recorded("queue")), CallerKind::queue);
  EXPECT_EQ(recognise_caller(recorded("rest_gateway")), CallerKind::rest_gateway);
  EXPECT_EQ(recognise_caller(recorded("http_gateway")), CallerKind::http_gateway);
  EXPECT_EQ(recognise_caller(recorded("http_gateway_get")), CallerKind::http_gateway);
  EXPECT_EQ(recognise_caller(recorded("state_machine")), CallerKind::state_machine);
  EXPECT_EQ(recognise_caller(recorded("direct")), CallerKind::direct);
}

TEST(ResponseContextTest, ARestGatewayIsRecognisedByEitherOfItsMarks) {
  EXPECT_EQ(recognise_caller({{"httpMethod", "GET"}}), CallerKind::rest_gateway);
  EXPECT_EQ(recognise_caller({{"requestContext", {{"apiId", "a"}}}}), CallerKind::rest_gateway);
}

TEST(ResponseContextTest, WhatHasAMarkOfAnotherTypeIsADirectCall) {
  for (const Json& event : {Json(), Json(5), Json::array(), Json{{"Records", Json::array()}},
                            Json{{"Records", {{{"eventSource", "aws:s3"}}}}},
                            Json{{"Records", {{{"eventSource", "aws:sqs"}}, 5}}}, Json{{"execution", nullptr}},
                            Json{{"httpMethod", 5}}, Json{{"requestContext", {{"http", "GET"}, {"apiId", nullptr}}}}}) {
    EXPECT_EQ(recognise_caller(event), CallerKind::direct) << event;
  }
}

TEST(ResponseContextTest, TheStepIsGivenAGatewaysBody) {
  EXPECT_EQ(must(step_event(CallerKind::rest_gateway, recorded("rest_gateway"))),
            (Json{{"batch_id", "b-1"}, {"skip_sqs_notification", true}}));
  EXPECT_EQ(must(step_event(CallerKind::http_gateway, recorded("http_gateway"))), (Json{{"batch_id", "b-1"}}))
      << "base64";
  EXPECT_EQ(must(step_event(CallerKind::http_gateway, recorded("http_gateway_get"))),
            (Json{{"collection", "receipt_lines"}}))
      << "without a body the query";
  EXPECT_EQ(must(step_event(CallerKind::rest_gateway, {{"httpMethod", "POST"}, {"body", nullptr}})), Json::object());
}

TEST(ResponseContextTest, OthersEventsAreTheSteps) {
  for (const char* name : {"queue", "state_machine", "direct"}) {
    const Json event = recorded(name);
    EXPECT_EQ(must(step_event(recognise_caller(event), event)), event);
  }
}

TEST(ResponseContextTest, ABodyThatCannotBeReadIsInvalidInput) {
  for (const Json& event :
       {Json{{"body", "{"}}, Json{{"body", "[1]"}}, Json{{"body", 5}}, Json{{"body", "?"}, {"isBase64Encoded", true}},
        Json{{"body", "{}"}, {"isBase64Encoded", "yes"}}}) {
    const auto read = step_event(CallerKind::http_gateway, event);
    ASSERT_FALSE(read) << event;
    EXPECT_EQ(read.error().code(), Code::invalid_input);
  }
}

TEST(ResponseContextTest, AQueueHearsOfMessagesOnly) {
  const Json event = recorded("queue");
  EXPECT_EQ(payload(success_answer(CallerKind::queue, {{"batches", 5}})), (Json{{"batchItemFailures", Json::array()}}));
  const Json failures = {{"batchItemFailures", {{{"itemIdentifier", "a"}}}}};
  EXPECT_EQ(payload(success_answer(CallerKind::queue, failures)), failures);
  EXPECT_EQ(payload(error_answer(CallerKind::queue, event, kBusy, "r")),
            (Json{{"batchItemFailures",
                   {{{"itemIdentifier", "059f36b4-87a3-44ab-83d2-661975830a7d"}},
                    {{"itemIdentifier", "2e1424d4-f796-459a-8184-9c92662be6da"}}}}}))
      << "every message comes again";
}

TEST(ResponseContextTest, AGatewayGetsStatusHeadersAndABodyThatIsText) {
  for (const CallerKind kind : {CallerKind::rest_gateway, CallerKind::http_gateway}) {
    const Json answer = payload(success_answer(kind, {{"batches", 5}}));
    EXPECT_EQ(answer.at("statusCode"), 200);
    EXPECT_EQ(answer.at("headers").at("Content-Type"), "application/json");
    EXPECT_EQ(answer.at("body"), R"({"batches":5})");
    const Json failed = payload(error_answer(kind, Json::object(), kBusy, "r-1"));
    EXPECT_EQ(failed.at("statusCode"), 503);
    EXPECT_EQ(failed.at("headers").at("Retry-After"), "30");
    EXPECT_EQ(must(parse_json(failed.at("body").get<std::string>(), "")), (Json{{"error", "Tillite.Unavailable"},
                                                                                {"message", "the table is busy"},
                                                                                {"retryable", true},
                                                                                {"request_id", "r-1"}}));
  }
}

TEST(ResponseContextTest, OthersGetTheResultAsItIsAndAnErrorAsAnError) {
  for (const CallerKind kind : {CallerKind::state_machine, CallerKind::direct}) {
    EXPECT_EQ(success_answer(kind, {{"batches", 5}}).payload, R"({"batches":5})");
    const FunctionAnswer failed = error_answer(kind, Json::object(), kBusy, "r");
    EXPECT_TRUE(failed.is_error);
    EXPECT_EQ(failed.error_type, "Tillite.Unavailable");
    EXPECT_EQ(failed.error_message, "the table is busy");
    EXPECT_EQ(failed.payload, "") << "a state machine would take it for success";
  }
}

TEST(ResponseContextTest, EveryErrorCodeHasAStatusOfAnError) {
  EXPECT_EQ(http_status(Code::invalid_input), 400);
  EXPECT_EQ(http_status(Code::not_found), 404);
  EXPECT_EQ(http_status(Code::lock_held), 423);
  EXPECT_EQ(http_status(Code::timed_out), 504);
  for (int code = 0; code <= static_cast<int>(Code::internal); ++code) {
    EXPECT_GE(http_status(static_cast<Code>(code)), 400) << code;
    EXPECT_LE(http_status(static_cast<Code>(code)), 507) << code;
  }
}

}  // namespace
}  // namespace tillite::testing
