#include "server/aws_endpoint.h"

#include <gtest/gtest.h>

#include "server/aws_error.h"
#include "support/seeded_random.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

/// Answers with what it was asked, or fails as it is told to.
class EchoService final : public AwsService {
 public:
  explicit EchoService(std::string_view target) : target_(target) {}
  std::string_view target() const override { return target_; }
  void handle(AwsCall call) override {
    if (call.operation == "Fail") {
      return call.answer(aws_error(call.parameters.at("name").get<std::string>(), "as it was told"));
    }
    if (call.operation == "Break") return call.answer(fail(Code::unavailable, "the disk is busy"));
    if (call.operation == "Forget") return;
    call.answer(Json{{"Operation", call.operation}, {"Origin", call.origin}, {"Parameters", call.parameters}});
  }

 private:
  std::string_view target_;
};

class AwsEndpointTest : public ::testing::Test {
 protected:
  EchoService sqs{"AmazonSQS"};
  EchoService states{"AWSStepFunctions"};
  EchoService lambda{"Lambda"};
  SeededRandom random;
  VirtualClock clock;
  AwsEndpoint endpoint{{&sqs, &states, &lambda}, std::nullopt, random, Logger::none()};

  static ServerResponse ask(AwsEndpoint& asked, const ServerRequest& request) {
    ServerResponse answered{.status = 0};
    asked.handle(request, ServerAnswer([&](ServerResponse response) { answered = std::move(response); }));
    return answered;
  }
  ServerResponse json(std::string target, std::string body, std::string type = "application/x-amz-json-1.0") {
    return ask(
        endpoint,
        {.method = "POST",
         .target = "/",
         .fields = {{"host", "127.0.0.1:8765"}, {"content-type", std::move(type)}, {"x-amz-target", std::move(target)}},
         .body = std::move(body)});
  }
  ServerResponse form(std::string body, std::string target = "/") {
    return ask(endpoint, {.method = "POST",
                          .target = std::move(target),
                          .fields = {{"host", "127.0.0.1:8765"}, {"content-type", "application/x-www-form-urlencoded"}},
                          .body = std::move(body)});
  }
  static std::string field(const ServerResponse& response, std::string_view name) {
    for (const HttpField& field : response.fields) {
      if (field.name == name) return field.value;
    }
    return "";
  }
};

TEST_F(AwsEndpointTest, AJsonRequestIsAnsweredInItsOwnProtocol) {
  const ServerResponse response = json("AmazonSQS.GetQueueUrl", R"({"QueueName": "a"})");
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.content_type, "application/x-amz-json-1.0");
  EXPECT_EQ(Json::parse(response.body), Json::parse(R"({"Operation": "GetQueueUrl", "Origin": "http://127.0.0.1:8765",
                                                        "Parameters": {"QueueName": "a"}})"));
  EXPECT_EQ(field(response, "x-amzn-RequestId").size(), 36U);
  EXPECT_EQ(json("AWSStepFunctions.X", "", "application/x-amz-json-1.1").content_type, "application/x-amz-json-1.1");
}

TEST_F(AwsEndpointTest, EachAnswerHasAnIdOfItsOwn) {
  const std::string first = field(json("AmazonSQS.X", "{}"), "x-amzn-RequestId");
  EXPECT_NE(field(json("AmazonSQS.X", "{}"), "x-amzn-RequestId"), first);
}

TEST_F(AwsEndpointTest, AFormIsAnsweredInXml) {
  const ServerResponse response = form("Action=GetQueueUrl&QueueName=a");
  EXPECT_EQ(response.content_type, "text/xml");
  EXPECT_NE(response.body.find("<GetQueueUrlResult>"), std::string::npos) << response.body;
  EXPECT_NE(response.body.find("<QueueName>a</QueueName>"), std::string::npos) << response.body;
}

TEST_F(AwsEndpointTest, AFormSentToAQueueNeedNotNameIt) {
  const ServerResponse response = form("Action=SendMessage&MessageBody=a", "/000000000000/queue");
  EXPECT_NE(response.body.find("<QueueUrl>http://127.0.0.1:8765/000000000000/queue</QueueUrl>"), std::string::npos)
      << response.body;
  const ServerResponse by_get =
      ask(endpoint,
          {.method = "GET", .target = "/000000000000/queue?Action=ReceiveMessage", .fields = {{"host", "localhost"}}});
  EXPECT_NE(by_get.body.find("<ReceiveMessageResult>"), std::string::npos) << by_get.body;
}

TEST_F(AwsEndpointTest, AnErrorHasTheFormOfItsProtocol) {
  const ServerResponse of_sqs = json("AmazonSQS.Fail", R"({"name": "QueueDoesNotExist"})");
  EXPECT_EQ(of_sqs.status, 400U);
  EXPECT_EQ(Json::parse(of_sqs.body), (Json{{"__type", "QueueDoesNotExist"}, {"message", "as it was told"}}));
  EXPECT_EQ(field(of_sqs, "x-amzn-query-error"), "AWS.SimpleQueueService.NonExistentQueue;Sender");
  const ServerResponse of_states = json("AWSStepFunctions.Fail", R"({"name": "InvalidArn"})");
  EXPECT_EQ(Json::parse(of_states.body).at("__type"), "InvalidArn");
  EXPECT_EQ(field(of_states, "x-amzn-query-error"), "") << "that service had one protocol only";
  const ServerResponse of_form = form("Action=Fail&name=QueueDoesNotExist");
  EXPECT_EQ(of_form.status, 400U);
  EXPECT_NE(of_form.body.find("<Code>AWS.SimpleQueueService.NonExistentQueue</Code>"), std::string::npos);
}

TEST_F(AwsEndpointTest, ARequestOfLambdaIsKnownByItsTarget) {
  const ServerResponse listed = ask(
      endpoint, {.method = "GET", .target = "/2015-03-31/functions/?MaxItems=3", .fields = {{"host", "localhost"}}});
  EXPECT_EQ(listed.status, 200U);
  EXPECT_EQ(listed.content_type, "application/json");
  EXPECT_EQ(Json::parse(listed.body).at("Operation"), "ListFunctions");
  EXPECT_EQ(Json::parse(listed.body).at("Parameters"), (Json{{"MaxItems", 3}}));
  EXPECT_EQ(field(listed, "x-amzn-RequestId").size(), 36U);
  const ServerResponse refused = ask(endpoint, {.method = "PUT", .target = "/2015-03-31/functions/f"});
  EXPECT_EQ(refused.status, 404U);
  EXPECT_EQ(field(refused, "x-amzn-ErrorType"), "UnknownOperationException");
}

TEST_F(AwsEndpointTest, ClientsAreToldWhatIsWorthARetry) {
  EXPECT_EQ(json("AmazonSQS.Break", "{}").status, 503U);
  EXPECT_EQ(Json::parse(json("AmazonSQS.Break", "{}").body).at("__type"), "ServiceUnavailable");
}

TEST_F(AwsEndpointTest, WhatNobodyUnderstandsIsRefused) {
  const auto type = [](const ServerResponse& response) { return Json::parse(response.body).at("__type"); };
  EXPECT_EQ(type(json("DynamoDB_20120810.ListTables", "{}")), "UnknownOperationException");
  EXPECT_EQ(type(json("nonsense", "{}")), "UnknownOperationException");
  EXPECT_EQ(type(json("AmazonSQS.X", "{")), "SerializationException");
  EXPECT_EQ(type(json("AmazonSQS.X", "[1]")), "SerializationException");
  EXPECT_NE(form("QueueName=a").body.find("<Code>InvalidAction</Code>"), std::string::npos);
}

TEST_F(AwsEndpointTest, AServiceThatForgetsIsAFailure) { EXPECT_EQ(json("AmazonSQS.Forget", "{}").status, 500U); }

TEST_F(AwsEndpointTest, UnsignedRequestsAreRefusedWhereACredentialIsConfigured) {
  AwsEndpoint guarded(
      {&sqs},
      SignatureCheck({.access_key_id = "a", .secret_access_key = Secret(std::string("b")), .session_token = {}}, clock),
      random, Logger::none());
  const ServerResponse response =
      ask(guarded, {.method = "POST", .target = "/", .fields = {{"x-amz-target", "AmazonSQS.X"}}, .body = "{}"});
  EXPECT_EQ(response.status, 403U);
  EXPECT_EQ(Json::parse(response.body).at("__type"), "MissingAuthenticationTokenException");
}

}  // namespace
}  // namespace tillite::testing
