#include "adapters/aws/sqs_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <future>

#include "adapters/aws/sqs_answers.h"
#include "support/http_server.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/served_aws.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

/// A queue of SQS whose answers a test writes.
class SqsQueueTest : public ::testing::Test {
 protected:
  void answer(const std::string& operation, HttpServer::Answer answer) {
    answers[operation].push_back(std::move(answer));
  }
  void answer(const std::string& operation, const Json& body) {
    answer(operation, HttpServer::Answer{.body = to_text(body)});
  }
  void refuse(const std::string& operation, const std::string& type, const std::string& message = "as the test says") {
    answer(operation,
           HttpServer::Answer{.status = 400,
                              .body = to_text({{"__type", "com.amazonaws.sqs#" + type}, {"message", message}})});
  }
  /// What was asked last.
  Json asked() { return Json::parse(server.requests().back().body); }
  static Json message(const std::string& id) {
    return {{"MessageId", id},
            {"ReceiptHandle", "receipt-" + id},
            {"Body", "body-" + id},
            {"Attributes", {{"ApproximateReceiveCount", "1"}, {"SentTimestamp", "1760000000000"}}}};
  }

  /// Says who the dead letters are, to the first that asks.
  void answer_place_of_dead_letters() {
    answer("GetQueueAttributes",
           Json{{"Attributes", {{"RedrivePolicy", R"({"deadLetterTargetArn": "arn:a:b:c:1:dead"})"}}}});
    answer("GetQueueUrl", Json{{"QueueUrl", "https://elsewhere/dead"}});
  }
  /// How often an operation was called.
  std::size_t calls(const std::string& operation) {
    return static_cast<std::size_t>(std::ranges::count_if(server.requests(), [&](const HttpServer::Request& request) {
      return request.headers.at("x-amz-target") == "AmazonSQS." + operation;
    }));
  }

  std::map<std::string, std::deque<HttpServer::Answer>> answers;  // written while no call is under way
  std::map<std::string, std::function<void()>> hooks;             // the same; called before an operation is answered
  HttpServer server{[this](const HttpServer::Request& request) {
    const std::string& target = request.headers.at("x-amz-target");
    if (const auto hook = hooks.find(target.substr(target.find('.') + 1)); hook != hooks.end()) hook->second();
    auto& waiting = answers[target.substr(target.find('.') + 1)];
    if (waiting.empty()) return HttpServer::Answer{.status = 400, .body = R"({"__type": "NotScripted"})"};
    HttpServer::Answer next = std::move(waiting.front());
    waiting.pop_front();
    return next;
  }};
  VirtualClock clock;
  SeededRandom random;
  std::stop_source stop;
  const std::string url = "https://sqs.us-east-1.amazonaws.com/123456789012/work";
  std::unique_ptr<Queue> queue =
      must(SqsQueue::open(aws_client_at(server.url(""), AwsApi::sqs, clock, random), {.url = url}, stop.get_token()));
};

TEST_F(SqsQueueTest, NothingIsSentBeforeTheFirstCallNotEvenForTheDeadLetters) {
  EXPECT_NE(queue->dead_letters(), nullptr);
  EXPECT_EQ(queue->dead_letters()->dead_letters(), nullptr);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(SqsQueueTest, WhatIsNoQueuesUrlIsRefused) {
  const auto client = aws_client_at(server.url(""), AwsApi::sqs, clock, random);
  for (const char* wrong :
       {"", "work", "arn:aws:sqs:us-east-1:123456789012:work", "ftp://host/1/work", "http://host/"}) {
    EXPECT_EQ(SqsQueue::open(client, {.url = wrong}).error().code(), Code::invalid_input) << wrong;
  }
  EXPECT_EQ(SqsQueue::open(client, {.url = url, .receive_wait_ms = 20'001}).error().code(), Code::invalid_input);
}

TEST_F(SqsQueueTest, DurationsAreRoundedUpToWholeSeconds) {
  answer("SendMessage", Json{{"MessageId", "1"}});
  EXPECT_EQ(must(queue->send("body", 1)), "1");
  EXPECT_EQ(asked().at("DelaySeconds"), 1);
  EXPECT_EQ(asked().at("QueueUrl"), url);
  answer("SendMessage", Json{{"MessageId", "2"}});
  EXPECT_TRUE(queue->send("body", Queue::kDelayMsMax));
  EXPECT_EQ(asked().at("DelaySeconds"), 900);
  answer("ChangeMessageVisibility", Json::object());
  EXPECT_TRUE(queue->extend("receipt", 1001));
  EXPECT_EQ(asked().at("VisibilityTimeout"), 2);
  answer("ReceiveMessage", Json::object());
  EXPECT_TRUE(queue->receive(3, 0));
  EXPECT_EQ(asked().at("VisibilityTimeout"), 0);
  EXPECT_EQ(asked().at("MaxNumberOfMessages"), 3);
  EXPECT_EQ(asked().at("WaitTimeSeconds"), 1) << "so that SQS looks at all of its servers";
}

TEST_F(SqsQueueTest, ADeliveryThatIsOverIsNotFoundWhicheverWaySqsSaysIt) {
  refuse("ChangeMessageVisibility", "MessageNotInflight");
  EXPECT_EQ(queue->extend("receipt", 1000).error().code(), Code::not_found);
  refuse("ChangeMessageVisibility", "InvalidParameterValue",
         "Value receipt for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for "
         "visibility timeout change.");
  EXPECT_EQ(queue->extend("receipt", 1000).error().code(), Code::not_found);
  refuse("DeleteMessage", "ReceiptHandleIsInvalid");
  EXPECT_EQ(queue->remove("no receipt").error().code(), Code::invalid_input);
}

TEST_F(SqsQueueTest, AQueueThatIsNotThereIsNamed) {
  refuse("SendMessage", "QueueDoesNotExist");
  const auto sent = queue->send("body");
  EXPECT_EQ(sent.error().code(), Code::invalid_input);
  EXPECT_NE(sent.error().message().find(url), std::string::npos) << sent.error().message();
}

TEST_F(SqsQueueTest, ThrottlingIsTriedAgain) {
  refuse("SendMessage", "RequestThrottled");
  answer("SendMessage", HttpServer::Answer{.status = 503, .body = "{}"});
  answer("SendMessage", Json{{"MessageId", "1"}});
  EXPECT_EQ(must(queue->send("body")), "1");
}

TEST_F(SqsQueueTest, ItsOwnMessagesCannotBeLookedAt) {
  const auto seen = queue->peek(10);
  EXPECT_EQ(seen.error().code(), Code::unsupported);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(SqsQueueTest, TheDeadLettersAreFoundThroughTheRedrivePolicyAndOnce) {
  answer("GetQueueAttributes",
         Json{{"Attributes",
               {{"RedrivePolicy",
                 R"({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:210987654321:dead", "maxReceiveCount": 5})"}}}});
  answer("GetQueueUrl", Json{{"QueueUrl", "https://elsewhere/dead"}});
  for (int times = 0; times < 2; ++times) {
    answer("GetQueueAttributes", Json{{"Attributes",
                                       {{"ApproximateNumberOfMessages", "3"},
                                        {"ApproximateNumberOfMessagesNotVisible", "2"},
                                        {"ApproximateNumberOfMessagesDelayed", "1"}}}});
    EXPECT_EQ(must(queue->dead_letters()->counts()).visible, 3U);
    EXPECT_EQ(asked().at("QueueUrl"), "https://elsewhere/dead");
  }
  EXPECT_EQ(server.requests().size(), 4U);
  EXPECT_EQ(Json::parse(server.requests().at(1).body),
            (Json{{"QueueName", "dead"}, {"QueueOwnerAWSAccountId", "210987654321"}}));
}

TEST_F(SqsQueueTest, AQueueWithoutDeadLettersSaysSoWhenTheyAreAskedFor) {
  answer("GetQueueAttributes", Json::object());
  EXPECT_EQ(queue->dead_letters()->counts().error().code(), Code::not_found);
}

TEST_F(SqsQueueTest, ALookThatFailsGivesBackWhatItHasSeen) {
  answer_place_of_dead_letters();
  Json page = {{"Messages", Json::array()}};
  for (int i = 0; i < 10; ++i) page["Messages"].push_back(message(std::to_string(i)));
  answer("ReceiveMessage", page);
  answer("ReceiveMessage", Json{{"Messages", {message("10"), message("11")}}});
  refuse("ReceiveMessage", "AccessDenied");
  for (int i = 0; i < 2; ++i) answer("ChangeMessageVisibilityBatch", Json::object());
  EXPECT_EQ(queue->dead_letters()->peek(100).error().code(), Code::permission);
  EXPECT_EQ(asked().at("Entries").size(), 2U) << "in batches of ten";
  EXPECT_EQ(asked().at("Entries").at(1).at("ReceiptHandle"), "receipt-9") << "in the order of their ids";
}

TEST_F(SqsQueueTest, ADeadLetterThatComesRoundAgainIsSeenOnceAndGivenBackOnce) {
  answer_place_of_dead_letters();
  answer("ReceiveMessage", Json{{"Messages", {message("1"), message("2")}}});
  Json again = message("1");
  again["ReceiptHandle"] = "a later receipt";
  answer("ReceiveMessage", Json{{"Messages", {again, message("3")}}});
  answer("ReceiveMessage", Json{{"Messages", {message("2")}}});
  answer("ChangeMessageVisibilityBatch", Json::object());
  EXPECT_EQ(must(queue->dead_letters()->peek(100)).size(), 3U);
  EXPECT_EQ(asked().at("Entries").size(), 3U);
  EXPECT_EQ(asked().at("Entries").at(0).at("ReceiptHandle"), "a later receipt");
  EXPECT_EQ(calls("ReceiveMessage"), 3U) << "nothing new is the end";
}

TEST_F(SqsQueueTest, WhoeverLooksThroughTheDeadLettersHasThemLongEnough) {
  answer_place_of_dead_letters();
  answer("ReceiveMessage", Json::object());
  EXPECT_TRUE(must(queue->dead_letters()->peek(100)).empty());
  EXPECT_EQ(asked().at("VisibilityTimeout"), 900);
}

TEST_F(SqsQueueTest, DeadLettersAreBroughtBackInOnePassAndTheOthersGivenBack) {
  answer_place_of_dead_letters();
  for (int page = 0; page < 3; ++page) {
    Json messages = Json::array();
    for (int i = 0; i < 10; ++i) messages.push_back(message(fmt::format("{}{}", page, i)));
    answer("ReceiveMessage", Json{{"Messages", messages}});
  }
  answer("ReceiveMessage", Json::object());
  for (int i = 0; i < 3; ++i) {
    answer("SendMessage", Json{{"MessageId", "new"}});
    answer("DeleteMessage", Json::object());
    answer("ChangeMessageVisibilityBatch", Json::object());
  }
  EXPECT_EQ(must(queue->redrive(std::vector<std::string>{"29", "none", "03", "11"})),
            (std::vector<bool>{true, false, true, true}));
  EXPECT_EQ(calls("ReceiveMessage"), 4U);
  EXPECT_EQ(calls("SendMessage"), 3U);
  EXPECT_EQ(calls("ChangeMessageVisibilityBatch"), 3U) << "twenty-seven, ten a call";
}

TEST_F(SqsQueueTest, AStopEndsAPollAndAPause) {
  std::promise<void> end;
  hooks["ReceiveMessage"] = [this, ended = end.get_future().share()] {
    stop.request_stop();
    ended.wait();
  };
  EXPECT_EQ(queue->receive(10, 1000).error().code(), Code::cancelled);
  end.set_value();
  EXPECT_EQ(queue->send("body").error().code(), Code::cancelled);
  EXPECT_EQ(queue->dead_letters()->counts().error().code(), Code::cancelled);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(SqsQueueTest, WhatWasLookedAtIsGivenBackBehindAStopToo) {
  answer_place_of_dead_letters();
  answer("ReceiveMessage", Json{{"Messages", {message("1"), message("2")}}});
  answer("ReceiveMessage", Json::object());
  hooks["ReceiveMessage"] = [this] {
    if (calls("ReceiveMessage") == 2) stop.request_stop();
  };
  answer("ChangeMessageVisibilityBatch", Json::object());
  EXPECT_EQ(queue->dead_letters()->peek(100).error().code(), Code::cancelled);
  EXPECT_EQ(calls("ChangeMessageVisibilityBatch"), 1U);
  EXPECT_EQ(asked().at("Entries").size(), 2U);
}

TEST(SqsAnswersTest, WhatCannotBeReadIsCorrupt) {
  const Json good = Json::parse(
      R"({"MessageId": "1", "ReceiptHandle": "r", "Body": "b", "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "2"}})");
  EXPECT_EQ(must(parse_received({{"Messages", {good}}})).at(0).sent_ms, 2);
  for (const char* field : {"MessageId", "ReceiptHandle", "Body", "Attributes"}) {
    Json bad = good;
    bad.erase(field);
    EXPECT_EQ(parse_received({{"Messages", {bad}}}).error().code(), Code::corrupt) << field;
  }
  for (const char* number : {"", "-1", "x", "1x", "99999999999999999999"}) {
    Json bad = good;
    bad["Attributes"]["ApproximateReceiveCount"] = number;
    EXPECT_EQ(parse_received({{"Messages", {bad}}}).error().code(), Code::corrupt) << number;
  }
  EXPECT_EQ(parse_received({{"Messages", 1}}).error().code(), Code::corrupt);
  for (const char* arn : {"", "dead", "arn:", "arn:aws:sqs:us-east-1::dead", "arn:aws:sqs:us-east-1:1:"}) {
    const Json policy = {{"deadLetterTargetArn", arn}};
    const auto target = parse_redrive_policy({{"Attributes", {{"RedrivePolicy", to_text(policy)}}}});
    EXPECT_EQ(target.error().code(), Code::corrupt) << arn;
  }
}

}  // namespace
}  // namespace tillite::testing
