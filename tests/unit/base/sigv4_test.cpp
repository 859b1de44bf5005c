#include "base/sigv4.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hash.h"
#include "base/http_client.h"

namespace tillite::testing {
namespace {

constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr std::string_view kTimestamp = "20150830T123600Z";

std::string sign(const SigV4Request& request, const std::vector<std::string>& names, const std::string& service) {
  return sigv4_signature(kSecret, {.date = "20150830", .region = "us-east-1", .service = service}, kTimestamp,
                         sigv4_canonical_request(request, names));
}

/// A request of AWS's published test suite.
std::string sign_example(std::string method, std::string target, HttpHeaders more = {}, const std::string& body = "") {
  SigV4Request request{.method = std::move(method),
                       .target = std::move(target),
                       .headers = {{"host", "example.amazonaws.com"}, {"x-amz-date", std::string(kTimestamp)}},
                       .payload_hash = sha256_hex(body)};
  std::vector<std::string> names = {"host", "x-amz-date"};
  for (auto& header : more) {
    if (std::ranges::find(names, header.first) == names.end()) names.push_back(header.first);
    request.headers.push_back(std::move(header));
  }
  std::ranges::sort(names);
  return sign(request, names, "service");
}

TEST(SigV4Test, SignsTheExamplesOfAwsAsTheyDo) {
  EXPECT_EQ(sign_example("GET", "/"), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(sign_example("POST", "/"), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
  EXPECT_EQ(sign_example("GET", "/?Param2=value2&Param1=value1"),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
  EXPECT_EQ(sign_example("GET", "/", {{"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}}),
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
  EXPECT_EQ(sign_example("POST", "/", {{"content-type", "application/x-www-form-urlencoded"}}, "Param1=value1"),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
}

TEST(SigV4Test, APathIsWalkedBeforeItIsSigned) {
  for (const char* target : {"/example/..", "/./", "//", "/a/../b/.."}) {
    EXPECT_EQ(sign_example("GET", target), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
        << target;
  }
}

/// What botocore signs at that time.
TEST(SigV4Test, SignsWhatBotocoreSendsAsItDoes) {
  const SigV4Request json = {.method = "POST",
                             .target = "/",
                             .headers = {{"host", "127.0.0.1:8765"},
                                         {"content-type", "application/x-amz-json-1.0"},
                                         {"x-amz-target", "AmazonSQS.GetQueueUrl"},
                                         {"x-amz-date", std::string(kTimestamp)}},
                             .payload_hash = sha256_hex(R"({"QueueName":"chromadb-delta-queue"})")};
  EXPECT_EQ(sign(json, {"content-type", "host", "x-amz-date", "x-amz-target"}, "sqs"),
            "dce6c8291b5ea7ed208ae4b20fa15203740334d43b77c930fbb3c626fde05144");
  const SigV4Request query = {.method = "GET",
                              .target = "/000000000000/a%20b?z=1&Action=ListQueues&a=%2F",
                              .headers = {{"host", "127.0.0.1:8765"}, {"x-amz-date", std::string(kTimestamp)}},
                              .payload_hash = sha256_hex("")};
  EXPECT_EQ(sign(query, {"host", "x-amz-date"}, "sqs"),
            "ea23552096193d887d9fe8c26e405bd61b307ededf6f23e9f235b2983422bab8");
}

}  // namespace
}  // namespace tillite::testing
