#include "app/tasks/aws_task.h"

#include <gtest/gtest.h>

#include "adapters/local/sqlite_queue.h"
#include "app/served_queues.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

constexpr const char* kSend = "arn:aws:states:::sqs:sendMessage";
constexpr const char* kUrl = "https://sqs.us-east-1.amazonaws.com/000000000000/chromadb-delta-queue";

/// Answers with what it was asked for, and with a moment.
class EchoingService final : public AwsService {
 public:
  [[nodiscard]] std::string_view target() const override { return "AWSStepFunctions"; }
  void handle(AwsCall call) override {
    call.answer(Json{{"operation", call.operation}, {"parameters", call.parameters}, {"startDate", 1'700'000'000.25}});
  }
};

class AwsTasks : public ::testing::Test {
 protected:
  AwsTasks() {
    tasks.add("sqs", sqs);
    tasks.add("sfn", states);
  }
  Result<Json> run(const std::string& resource, const Json& payload) {
    return tasks.run({.resource = resource, .payload = payload});
  }

  TempFolder folder;
  VirtualClock clock;
  SeededRandom random;
  std::unique_ptr<SqliteQueue> queue = must(SqliteQueue::open(folder / "queue.sqlite3", clock));
  LongPolls polls;
  SqsService sqs{served_queues(*queue), {}, polls};
  EchoingService states;
  AwsTask tasks{clock, random};
};

TEST_F(AwsTasks, SendAMessageWhoseBodyIsAValue) {
  const Json answer = must(run(kSend, {{"QueueUrl", kUrl}, {"MessageBody", {{"b", 1}, {"a", "x"}}}}));
  const auto messages = must(queue->receive(1, 1000));
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].body, R"({"a":"x","b":1})");
  EXPECT_EQ(answer.at("MessageId"), messages[0].id);
  EXPECT_EQ(answer.at("MD5OfMessageBody"), "ee0d9126fa9a3ac9850bed8a722d2d11");
  EXPECT_EQ(answer.at("SdkHttpMetadata").at("HttpStatusCode"), 200);
  const Json body = {{"MessageId", messages[0].id}, {"MD5OfMessageBody", answer.at("MD5OfMessageBody")}};
  EXPECT_EQ(answer.at("SdkHttpMetadata").at("HttpHeaders").at("Content-Length"), std::to_string(to_text(body).size()));
  EXPECT_EQ(answer.at("SdkHttpMetadata").at("AllHttpHeaders").at("Content-Type"),
            Json::array({"application/x-amz-json-1.0"}));
  EXPECT_EQ(answer.at("SdkHttpMetadata").at("HttpHeaders").at("x-amzn-RequestId"),
            answer.at("SdkResponseMetadata").at("RequestId"));
}

TEST_F(AwsTasks, SendTheTokenOfATaskThatWaitsForIt) {
  must(run("arn:aws:states:::sqs:sendMessage.waitForTaskToken",
           {{"QueueUrl", kUrl}, {"MessageBody", {{"TaskToken", "secret"}}}}));
  EXPECT_EQ(must(queue->receive(1, 1000)).at(0).body, R"({"TaskToken":"secret"})");
}

TEST_F(AwsTasks, NameErrorsAsTheIntegrationDoes) {
  const auto missing = run(kSend, {{"QueueUrl", kUrl}, {"MessageBody", nullptr}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().name(), "SQS.AmazonSQSException");
  EXPECT_TRUE(missing.error().message().starts_with(
      "The request must contain the parameter MessageBody. (Service: AmazonSQS; Status Code: 400; Error Code: "
      "MissingParameter; Request ID: "))
      << missing.error().message();
  const auto unknown = run(kSend, {{"QueueUrl", "http://127.0.0.1/1/other"}, {"MessageBody", "x"}});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().name(), "SQS.QueueDoesNotExistException");
}

TEST_F(AwsTasks, OfTheSdkHaveItsNamesForParametersAndErrors) {
  must(run("arn:aws:states:::aws-sdk:sqs:sendMessage", {{"QueueUrl", kUrl}, {"MessageBody", "x"}}));
  const Json received = must(run("arn:aws:states:::aws-sdk:sqs:receiveMessage", {{"QueueUrl", kUrl}}));
  EXPECT_EQ(received.at("Messages").at(0).at("Body"), "x");
  EXPECT_FALSE(received.contains("SdkHttpMetadata"));
  const auto refused = run("arn:aws:states:::aws-sdk:sqs:sendMessage", {{"QueueUrl", "x"}, {"MessageBody", "x"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().name(), "Sqs.QueueDoesNotExistException");
  EXPECT_TRUE(refused.error().message().ends_with(" (SDK Attempt Count: 1)")) << refused.error().message();
}

TEST_F(AwsTasks, OfStepFunctionsAreAskedWithItsOwnNames) {
  const Json answer = must(run("arn:aws:states:::aws-sdk:sfn:startExecution",
                               {{"StateMachineArn", "arn"}, {"Input", {{"Key", 1}}}, {"Name", nullptr}}));
  EXPECT_EQ(answer, (Json{{"Operation", "StartExecution"},
                          {"Parameters", {{"StateMachineArn", "arn"}, {"Input", R"({"Key":1})"}}},
                          {"StartDate", "2023-11-14T22:13:20.250Z"}}));
}

TEST_F(AwsTasks, ThatWouldHoldAThreadAreRefused) {
  const auto refused = run("arn:aws:states:::aws-sdk:sfn:startSyncExecution", Json::object());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().name(), "Sfn.UnsupportedOperationException");
}

TEST_F(AwsTasks, AreThoseOfServicesThatAreHere) {
  EXPECT_TRUE(tasks.handles(kSend));
  EXPECT_TRUE(tasks.handles("arn:aws:states:::aws-sdk:sqs:purgeQueue"));
  EXPECT_FALSE(tasks.handles("arn:aws:states:::sns:publish"));
  EXPECT_FALSE(tasks.handles("arn:aws:states:::lambda:invoke"));
  EXPECT_FALSE(tasks.handles("arn:aws:lambda:us-east-1:000000000000:function:sqs"));
  EXPECT_FALSE(tasks.handles("command:sqs"));
}

}  // namespace
}  // namespace tillite::testing
