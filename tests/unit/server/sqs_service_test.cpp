#include "server/sqs_service.h"

#include <gtest/gtest.h>

#include <thread>

#include "adapters/local/sqlite_queue.h"
#include "server/message_attributes.h"
#include "support/aws_calls.h"
#include "support/must.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

class SqsServiceTest : public ::testing::Test {
 protected:
  TempFolder folder;
  VirtualClock clock;
  std::unique_ptr<SqliteQueue> queue = must(SqliteQueue::open(folder / "queue.sqlite3", clock));
  LongPolls polls;
  SqsService sqs{{{.name = "work", .queue = *queue, .dead_letters = "dead"},
                  {.name = "dead", .queue = *queue->dead_letters(), .retention_ms = Queue::kDeadLetterRetentionMs}},
                 AwsPlace{},
                 polls};
  const std::string url = "http://elsewhere/123456789012/work";

  Json with_url(Json parameters) const {
    parameters["QueueUrl"] = url;
    return parameters;
  }
  Json ask(const std::string& operation, const Json& parameters = Json::object()) {
    return must(call(sqs, operation, with_url(parameters)));
  }
  std::string refuse(const std::string& operation, const Json& parameters = Json::object()) {
    return error_of(sqs, operation, with_url(parameters));
  }
  Json receive(Json parameters = Json::object()) {
    parameters["WaitTimeSeconds"] = 0;
    return ask("ReceiveMessage", parameters);
  }
};

TEST_F(SqsServiceTest, AMessageIsSentReceivedAndDeleted) {
  const Json sent = ask("SendMessage", {{"MessageBody", "hello"}});
  EXPECT_EQ(sent.at("MD5OfMessageBody"), md5_of_body("hello"));
  const Json message = receive({{"AttributeNames", {"All"}}}).at("Messages").at(0);
  EXPECT_EQ(message.at("MessageId"), sent.at("MessageId"));
  EXPECT_EQ(message.at("Body"), "hello");
  EXPECT_EQ(message.at("MD5OfBody"), md5_of_body("hello"));
  EXPECT_EQ(message.at("Attributes").at("ApproximateReceiveCount"), "1");
  EXPECT_EQ(message.at("Attributes").at("SentTimestamp"), std::to_string(clock.now_ms()));
  EXPECT_EQ(receive(), Json::object()) << "invisible to others";
  ask("DeleteMessage", {{"ReceiptHandle", message.at("ReceiptHandle")}});
  clock.advance(900'000);
  EXPECT_EQ(receive(), Json::object()) << "gone";
}

TEST_F(SqsServiceTest, AttributesTravelWithAMessage) {
  const Json attributes = {{"kind", {{"DataType", "String"}, {"StringValue", "manual"}}},
                           {"kind.of", {{"DataType", "Number"}, {"StringValue", "1"}}}};
  const Json sent = ask("SendMessage", {{"MessageBody", "hello"}, {"MessageAttributes", attributes}});
  EXPECT_EQ(sent.at("MD5OfMessageAttributes"), md5_of_attributes(attributes));
  const Json all = receive({{"MessageAttributeNames", {"All"}}, {"VisibilityTimeout", 0}}).at("Messages").at(0);
  EXPECT_EQ(all.at("MessageAttributes"), attributes);
  EXPECT_EQ(all.at("MD5OfMessageAttributes"), md5_of_attributes(attributes));
  const Json one = receive({{"MessageAttributeNames", {"kind"}}, {"VisibilityTimeout", 0}}).at("Messages").at(0);
  EXPECT_EQ(one.at("MessageAttributes").size(), 1U);
  const Json begins = receive({{"MessageAttributeNames", {"kind.*"}}, {"VisibilityTimeout", 0}}).at("Messages").at(0);
  EXPECT_EQ(begins.at("MessageAttributes").size(), 1U);
  EXPECT_FALSE(receive({{"VisibilityTimeout", 0}}).at("Messages").at(0).contains("MessageAttributes"));
}

TEST_F(SqsServiceTest, ADelayedMessageComesLater) {
  ask("SendMessage", {{"MessageBody", "later"}, {"DelaySeconds", 900}});
  EXPECT_EQ(receive(), Json::object());
  clock.advance(900'000);
  EXPECT_EQ(receive().at("Messages").size(), 1U);
}

TEST_F(SqsServiceTest, AWaitingReceiverGetsWhatIsSentMeanwhile) {
  Json received;
  {
    std::jthread receiver([&] { received = ask("ReceiveMessage", {{"WaitTimeSeconds", 20}}); });
    ask("SendMessage", {{"MessageBody", "here"}});
  }
  EXPECT_EQ(received.at("Messages").at(0).at("Body"), "here");
}

TEST_F(SqsServiceTest, AWaitingReceiverGetsWhatAnotherProcessSent) {
  Json received;
  {
    std::jthread receiver([&] { received = ask("ReceiveMessage"); });
    must(queue->send("from elsewhere", 0, ""));
  }
  EXPECT_EQ(received.at("Messages").at(0).at("Body"), "from elsewhere");
}

TEST_F(SqsServiceTest, AReceiverThatHasGoneTakesNothing) {
  ask("SendMessage", {{"MessageBody", "hello"}});
  sqs.handle({.operation = "ReceiveMessage",
              .parameters = with_url({{"WaitTimeSeconds", 20}}),
              .answer = [](const Result<Json>&) {},
              .is_wanted = [] { return false; }});
  EXPECT_EQ(receive().at("Messages").size(), 1U);
}

TEST_F(SqsServiceTest, VisibilityCanBeChangedWhileItLasts) {
  ask("SendMessage", {{"MessageBody", "hello"}});
  const Json handle = receive().at("Messages").at(0).at("ReceiptHandle");
  ask("ChangeMessageVisibility", {{"ReceiptHandle", handle}, {"VisibilityTimeout", 0}});
  EXPECT_EQ(receive().at("Messages").size(), 1U) << "given back at once";
  EXPECT_EQ(refuse("ChangeMessageVisibility", {{"ReceiptHandle", handle}, {"VisibilityTimeout", 10}}),
            "MessageNotInflight");
}

TEST_F(SqsServiceTest, EntriesOfABatchFailOneByOne) {
  const Json sent = ask("SendMessageBatch", {{"Entries",
                                              {{{"Id", "good"}, {"MessageBody", "a"}},
                                               {{"Id", "bad"}, {"MessageBody", "\x01"}},
                                               {{"Id", "late"}, {"MessageBody", "b"}, {"DelaySeconds", 901}}}}});
  ASSERT_EQ(sent.at("Successful").size(), 1U);
  EXPECT_EQ(sent.at("Successful")[0].at("Id"), "good");
  ASSERT_EQ(sent.at("Failed").size(), 2U);
  EXPECT_EQ(sent.at("Failed")[0].at("Code"), "InvalidMessageContents");
  EXPECT_EQ(sent.at("Failed")[0].at("SenderFault"), true);
  EXPECT_EQ(sent.at("Failed")[1].at("Code"), "InvalidParameterValue");
  const Json handle = receive().at("Messages").at(0).at("ReceiptHandle");
  const Json changed = ask("ChangeMessageVisibilityBatch",
                           {{"Entries", {{{"Id", "1"}, {"ReceiptHandle", handle}, {"VisibilityTimeout", 60}}}}});
  EXPECT_EQ(changed.at("Successful").size(), 1U);
  const Json removed =
      ask("DeleteMessageBatch",
          {{"Entries", {{{"Id", "1"}, {"ReceiptHandle", handle}}, {{"Id", "2"}, {"ReceiptHandle", "nonsense"}}}}});
  EXPECT_EQ(removed.at("Successful").size(), 1U);
  EXPECT_EQ(removed.at("Failed")[0].at("Code"), "ReceiptHandleIsInvalid");
}

TEST_F(SqsServiceTest, ABatchAsAWholeIsCheckedFirst) {
  const auto entries = [](std::size_t count) {
    Json list = Json::array();
    for (std::size_t i = 0; i < count; ++i) list.push_back({{"Id", std::to_string(i)}, {"MessageBody", "a"}});
    return Json{{"Entries", list}};
  };
  EXPECT_EQ(refuse("SendMessageBatch"), "EmptyBatchRequest");
  EXPECT_EQ(refuse("SendMessageBatch", entries(0)), "EmptyBatchRequest");
  EXPECT_EQ(refuse("SendMessageBatch", entries(11)), "TooManyEntriesInBatchRequest");
  Json twice = entries(2);
  twice["Entries"][1]["Id"] = "0";
  EXPECT_EQ(refuse("SendMessageBatch", twice), "BatchEntryIdsNotDistinct");
  Json odd = entries(1);
  odd["Entries"][0]["Id"] = "a b";
  EXPECT_EQ(refuse("SendMessageBatch", odd), "InvalidBatchEntryId");
  Json large = entries(2);
  for (Json& entry : large["Entries"]) entry["MessageBody"] = std::string(Queue::kBodyBytesMax / 2 + 1, 'a');
  EXPECT_EQ(refuse("SendMessageBatch", large), "BatchRequestTooLong");
  EXPECT_EQ(receive(), Json::object()) << "nothing was sent";
}

TEST_F(SqsServiceTest, AttributesTellHowManyThereAre) {
  ask("SendMessage", {{"MessageBody", "a"}});
  ask("SendMessage", {{"MessageBody", "b"}});
  ask("SendMessage", {{"MessageBody", "c"}, {"DelaySeconds", 60}});
  receive();
  const Json all = ask("GetQueueAttributes", {{"AttributeNames", {"All"}}}).at("Attributes");
  EXPECT_EQ(all.at("ApproximateNumberOfMessages"), "1");
  EXPECT_EQ(all.at("ApproximateNumberOfMessagesNotVisible"), "1");
  EXPECT_EQ(all.at("ApproximateNumberOfMessagesDelayed"), "1");
  EXPECT_EQ(all.at("VisibilityTimeout"), "900");
  EXPECT_EQ(all.at("MessageRetentionPeriod"), "345600");
  EXPECT_EQ(Json::parse(all.at("RedrivePolicy").get<std::string>()).at("maxReceiveCount"), 5);
  EXPECT_EQ(ask("GetQueueAttributes", {{"AttributeNames", {"QueueArn"}}}).at("Attributes").size(), 1U);
  EXPECT_EQ(ask("GetQueueAttributes"), Json::object());
  EXPECT_EQ(refuse("GetQueueAttributes", {{"AttributeNames", {"Colour"}}}), "InvalidAttributeName");
}

TEST_F(SqsServiceTest, QueuesAreFoundByTheirNames) {
  EXPECT_EQ(ask("GetQueueUrl", {{"QueueName", "dead"}}).at("QueueUrl"), "http://127.0.0.1:8765/000000000000/dead");
  EXPECT_EQ(error_of(sqs, "GetQueueUrl", {{"QueueName", "other"}}), "QueueDoesNotExist");
  EXPECT_EQ(ask("ListQueues").at("QueueUrls").size(), 2U);
  EXPECT_EQ(ask("ListQueues", {{"QueueNamePrefix", "wo"}}).at("QueueUrls").size(), 1U);
  EXPECT_EQ(ask("ListQueues", {{"QueueNamePrefix", "x"}}), Json::object());
  EXPECT_EQ(must(call(sqs, "ListDeadLetterSourceQueues", {{"QueueUrl", "dead"}})).at("queueUrls").size(), 1U);
  EXPECT_EQ(error_of(sqs, "ReceiveMessage", {{"QueueUrl", "http://a/1/other"}}), "QueueDoesNotExist");
}

TEST_F(SqsServiceTest, WrongParametersAreNamed) {
  EXPECT_EQ(error_of(sqs, "SendMessage", {{"MessageBody", "a"}}), "MissingRequiredParameterException");
  EXPECT_EQ(refuse("SendMessage"), "MissingRequiredParameterException");
  EXPECT_EQ(refuse("SendMessage", {{"MessageBody", ""}}), "InvalidParameterValueException");
  EXPECT_EQ(refuse("SendMessage", {{"MessageBody", 1}}), "InvalidParameterValueException");
  EXPECT_EQ(refuse("SendMessage", {{"MessageBody", std::string(Queue::kBodyBytesMax + 1, 'a')}}),
            "InvalidParameterValueException");
  EXPECT_EQ(refuse("ReceiveMessage", {{"MaxNumberOfMessages", 11}}), "InvalidParameterValueException");
  EXPECT_EQ(refuse("ReceiveMessage", {{"MaxNumberOfMessages", 0}}), "InvalidParameterValueException");
  EXPECT_EQ(refuse("ReceiveMessage", {{"WaitTimeSeconds", 21}}), "InvalidParameterValueException");
  EXPECT_EQ(refuse("ReceiveMessage", {{"VisibilityTimeout", 43'201}}), "InvalidParameterValueException");
  EXPECT_EQ(refuse("ReceiveMessage", {{"AttributeNames", "All"}}), "InvalidParameterValueException");
  EXPECT_EQ(refuse("DeleteMessage", {{"ReceiptHandle", "nonsense"}}), "ReceiptHandleIsInvalid");
  EXPECT_EQ(refuse("ChangeMessageVisibility", {{"ReceiptHandle", "1.1"}}), "MissingRequiredParameterException");
  EXPECT_EQ(error_of(sqs, "CreateQueue", {{"QueueName", "other"}}), "UnknownOperationException");
}

}  // namespace
}  // namespace tillite::testing
