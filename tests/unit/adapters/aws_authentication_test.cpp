// moto checks signatures and rights as AWS does: ours are accepted, and a wrong key is refused.
#include <gtest/gtest.h>

#include "adapters/aws/s3_object_store.h"
#include "adapters/aws/xml_element.h"
#include "support/aws_place.h"
#include "support/moto_server.h"

namespace tillite::testing {
namespace {

/// A call of IAM, which moto serves unsigned at first.
std::string ask_iam(const MotoServer& server, const std::string& form) {
  HttpClient http;
  const HttpResponse answer = must(
      http.send({.method = "POST",
                 .url = server.origin() + "/",
                 .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                             {"Authorization",
                              "AWS4-HMAC-SHA256 Credential=x/20200101/us-east-1/iam/aws4_request, SignedHeaders=host, "
                              "Signature=x"}},
                 .body = form + "&Version=2010-05-08"}));
  EXPECT_EQ(answer.status, 200) << answer.body;
  return answer.body;
}

TEST(AwsAuthentication, MotoAcceptsOurSignaturesAndRefusesAWrongKey) {
  if (!MotoServer::available()) GTEST_SKIP() << MotoServer::how_to_get();
  const MotoServer server = must(MotoServer::start({{"INITIAL_NO_AUTH_ACTION_COUNT", "3"}}));
  ask_iam(server, "Action=CreateUser&UserName=somebody");
  ask_iam(
      server,
      "Action=PutUserPolicy&UserName=somebody&PolicyName=all&PolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22"
      "Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%5D%7D");
  const std::string key = ask_iam(server, "Action=CreateAccessKey&UserName=somebody");
  const std::string id = xml_element_text(key, "AccessKeyId").value_or("");
  const std::string secret = xml_element_text(key, "SecretAccessKey").value_or("");

  AwsPlace right(server.origin(), std::make_unique<FixedCredential>(id, secret));
  const auto listed = right.client(AwsApi::dynamodb)->call_json("DynamoDB_20120810.ListTables", Json::object());
  EXPECT_TRUE(listed) << listed.error().error.message();
  const auto made = right.client(AwsApi::s3)->call({.method = "PUT", .path = "/a-bucket"});
  EXPECT_TRUE(made) << made.error().error.message();
  EXPECT_TRUE(right.client(AwsApi::s3)->call({.method = "PUT", .path = "/a-bucket/a key/1.txt", .body = "content"}));
  const auto found =
      right.client(AwsApi::s3)
          ->call({.method = "GET", .path = "/a-bucket", .query = {{"prefix", "a key"}, {"list-type", "2"}}});
  EXPECT_TRUE(found) << found.error().error.message();

  const auto store = must(S3ObjectStore::open(
      right.client(AwsApi::s3),
      {.bucket = "a-bucket", .part_bytes = std::uint64_t{5} << 20, .single_bytes_max = std::uint64_t{6} << 20},
      right.random()));
  const ObjectKey object("g-1._");
  const auto created = store->create(object, as_bytes("one"));
  ASSERT_TRUE(created) << created.error().message();
  EXPECT_TRUE(store->replace(object, as_bytes("two"), must(store->info(object)).etag));
  EXPECT_EQ(must(read_object(*store, object)), "two");
  EXPECT_EQ(must(store->list("g-", "g", 10)).size(), 1U);
  const std::string large(std::size_t{7} << 20, 'x');
  const auto in_parts = store->create(ObjectKey("a/large"), as_bytes(large));
  EXPECT_TRUE(in_parts) << in_parts.error().message();
  EXPECT_TRUE(must(read_object(*store, ObjectKey("a/large"))) == large);

  AwsPlace wrong(server.origin(), std::make_unique<FixedCredential>(id, "wrong"));
  const auto refused = wrong.client(AwsApi::dynamodb)->call_json("DynamoDB_20120810.ListTables", Json::object());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code(), Code::permission) << refused.error().error.message();
  AwsPlace unknown(server.origin(), std::make_unique<FixedCredential>("AKIAUNKNOWN", secret));
  EXPECT_EQ(unknown.client(AwsApi::s3)->call({.method = "GET", .path = "/a-bucket"}).error().error.code(),
            Code::permission);
}

}  // namespace
}  // namespace tillite::testing
