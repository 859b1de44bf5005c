#include "server/message_attributes.h"

#include <gtest/gtest.h>

namespace tillite::testing {
namespace {

std::string refused(std::string_view attributes) {
  const auto checked = check_message_attributes(Json::parse(attributes));
  return checked ? "" : checked.error().message();
}

/// The MD5s are those that botocore's and moto's users see for the same attributes.
TEST(MessageAttributesTest, HaveTheMd5ThatClientsExpect) {
  EXPECT_EQ(md5_of_body("This is a test message"), "fafb00f5732ab283681e124bf8747ed1");
  const Json attributes = Json::parse(R"({"b": {"DataType": "Binary", "BinaryValue": "QUFFQw=="},
                                          "a": {"DataType": "String", "StringValue": "x y"}})");
  ASSERT_TRUE(check_message_attributes(attributes));
  EXPECT_EQ(md5_of_attributes(attributes), "8a44cadbec4213fad3f2fe30f4bd0087");
  EXPECT_EQ(message_attributes_bytes(attributes), std::string("bBinaryAAECaStringx y").size());
}

TEST(MessageAttributesTest, ATypeMayHaveALabel) {
  EXPECT_EQ(refused(R"({"n": {"DataType": "Number.float", "StringValue": "1.5"}})"), "");
  EXPECT_NE(refused(R"({"n": {"DataType": "Float", "StringValue": "1.5"}})"), "");
}

TEST(MessageAttributesTest, WhatIsMissingOrWrongIsNamed) {
  for (const char* attributes :
       {R"([])", R"({"n": {}})", R"({"n": {"DataType": "String"}})",
        R"({"n": {"DataType": "String", "StringValue": ""}})", R"({"n": {"DataType": "Binary", "StringValue": "a"}})",
        R"({"n": {"DataType": "Binary", "BinaryValue": "?"}})",
        R"({"a b": {"DataType": "String", "StringValue": "a"}})",
        R"({".a": {"DataType": "String", "StringValue": "a"}})", R"({"": {"DataType": "String", "StringValue": "a"}})",
        R"({"n": "text"})"}) {
    EXPECT_NE(refused(attributes), "") << attributes;
  }
  Json many = Json::object();
  for (int i = 0; i < 11; ++i) many[std::to_string(i)] = {{"DataType", "String"}, {"StringValue", "a"}};
  EXPECT_NE(refused(many.dump()), "");
}

}  // namespace
}  // namespace tillite::testing
