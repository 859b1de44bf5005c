#include "server/query_protocol.h"

#include <gtest/gtest.h>

#include "support/must.h"

namespace tillite::testing {
namespace {

TEST(QueryProtocolTest, AFormBecomesTheParametersOfTheJsonProtocol) {
  const QueryForm form = must(parse_query_form(
      "Action=ReceiveMessage&Version=2012-11-05&QueueUrl=http%3A%2F%2Fa%2Fb&MaxNumberOfMessages=10&AttributeName.2=B&"
      "AttributeName.1=A"));
  EXPECT_EQ(form.action, "ReceiveMessage");
  EXPECT_EQ(form.parameters, Json::parse(R"({"QueueUrl": "http://a/b", "MaxNumberOfMessages": 10,
                                             "AttributeNames": ["A", "B"]})"));
}

TEST(QueryProtocolTest, NestedListsAndMapsAreUnderstood) {
  const QueryForm form = must(parse_query_form(
      "Action=SendMessageBatch&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=b+c&"
      "SendMessageBatchRequestEntry.1.DelaySeconds=5&"
      "SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=n&"
      "SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String&"
      "SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=v"));
  EXPECT_EQ(form.parameters, Json::parse(R"({"Entries": [{"Id": "a", "MessageBody": "b c", "DelaySeconds": 5,
      "MessageAttributes": {"n": {"DataType": "String", "StringValue": "v"}}}]})"));
}

TEST(QueryProtocolTest, MoreThanNineEntriesKeepTheirOrder) {
  std::string text = "Action=X";
  for (int i = 12; i > 0; --i) text += fmt::format("&AttributeName.{}=n{}", i, i);
  const QueryForm form = must(parse_query_form(text));
  EXPECT_EQ(form.parameters["AttributeNames"][9], "n10");
}

TEST(QueryProtocolTest, WhatIsNoFormIsRefused) {
  const auto error = [](std::string_view form) { return parse_query_form(form).error().name(); };
  EXPECT_EQ(error("MessageBody=a"), "InvalidAction");
  for (const char* form : {"Action=X&a=%zz", "Action=X&a=%ff", "Action=X&a=1&a.b=2", "Action=X&a.b=1&a=2",
                           "Action=X&AttributeName=1", "Action=X&AttributeName.x=1", "Action=X&AttributeName.0=1",
                           "Action=X&MessageAttribute.1.Name=a", "Action=X&a.b.c.d.e.f.g.h.i.j=1"}) {
    EXPECT_EQ(error(form), "MalformedQueryString") << form;
  }
}

TEST(QueryProtocolTest, AnAnswerBecomesXml) {
  const Json answer = {{"Messages", {{{"Body", "a<b&\r"}, {"Attributes", {{"SenderId", "1"}}}}, {{"Body", "c"}}}}};
  EXPECT_EQ(query_answer("ReceiveMessage", answer, "id"),
            "<?xml version=\"1.0\"?><ReceiveMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">"
            "<ReceiveMessageResult><Message><Attribute><Name>SenderId</Name><Value>1</Value></Attribute>"
            "<Body>a&lt;b&amp;&#xd;</Body></Message><Message><Body>c</Body></Message></ReceiveMessageResult>"
            "<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></ReceiveMessageResponse>");
  EXPECT_EQ(query_answer("DeleteMessage", Json::object(), "id").find("DeleteMessageResult"), std::string::npos);
  const Json batch = {{"Successful", {{{"Id", "a"}}}}, {"Failed", {{{"Id", "b"}, {"SenderFault", true}}}}};
  const std::string xml = query_answer("DeleteMessageBatch", batch, "id");
  EXPECT_NE(xml.find("<DeleteMessageBatchResultEntry><Id>a</Id></DeleteMessageBatchResultEntry>"), std::string::npos);
  EXPECT_NE(xml.find("<BatchResultErrorEntry><Id>b</Id><SenderFault>true</SenderFault></BatchResultErrorEntry>"),
            std::string::npos);
}

TEST(QueryProtocolTest, AnErrorHasTheCodeOfThisProtocol) {
  const WireError error = wire_error(aws_error("QueueDoesNotExist", "no <queue>").error());
  const std::string xml = query_error(error, "id");
  EXPECT_NE(xml.find("<Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>"
                     "<Message>no &lt;queue&gt;</Message>"),
            std::string::npos)
      << xml;
}

}  // namespace
}  // namespace tillite::testing
