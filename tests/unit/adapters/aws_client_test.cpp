#include "adapters/aws/aws_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/hash.h"
#include "support/aws_place.h"
#include "support/http_server.h"
#include "support/seeded_random.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

using Answer = HttpServer::Answer;

/// Gives another credential each time: "AKID1", "AKID2".
class CountedCredentials final : public CredentialSource {
 public:
  explicit CountedCredentials(std::string token = "") : token_(std::move(token)) {}
  Result<std::optional<IssuedCredential>> fetch(const std::stop_token& /*stop*/) override {
    return IssuedCredential{.credential = {.access_key_id = fmt::format("AKID{}", ++fetched_),
                                           .secret_access_key = Secret(std::string("secret")),
                                           .session_token = Secret(std::string(token_))},
                            .expires_ms = {}};
  }

 private:
  std::string token_;
  int fetched_ = 0;
};

/// A client of a server that gives these answers, one after the other; the last again and again.
class AwsClientTest : public ::testing::Test {
 protected:
  static Answer refusal(int status, const std::string& type, std::vector<std::string> headers = {}) {
    return {.status = status,
            .headers = std::move(headers),
            .body = to_text({{"__type", "com.amazonaws#" + type}, {"message", "so it is"}})};
  }
  static Answer cut() { return {.raw = ""}; }

  AwsClient& client(AwsApi api = AwsApi::dynamodb, std::string token = "") {
    AwsSettings settings;
    settings.region = "eu-central-1";
    settings.endpoint_url = fmt::format("http://127.0.0.1:{}", server.port());
    const auto credentials =
        std::make_shared<Credentials>(std::make_unique<CountedCredentials>(std::move(token)), clock, Logger::none());
    client_ = std::make_unique<AwsClient>(api, settings, credentials, clock, random, Logger::none());
    return *client_;
  }
  AwsResult<Json> ask() { return client().call_json("DynamoDB_20120810.GetItem", {{"a", 1}}); }

  std::vector<Answer> answers = {{.body = "{}"}};
  std::atomic<std::size_t> asked = 0;
  HttpServer server{[this](const HttpServer::Request&) { return answers[std::min(asked++, answers.size() - 1)]; }};
  VirtualClock clock;
  SeededRandom random;

 private:
  std::unique_ptr<AwsClient> client_;
};

TEST_F(AwsClientTest, SendsASignedCallAndGivesItsObject) {
  answers = {{.body = R"({"Item":{}})"}};
  EXPECT_EQ(must(client(AwsApi::dynamodb, "token").call_json("DynamoDB_20120810.GetItem", {{"a", 1}})),
            Json({{"Item", Json::object()}}));
  const auto request = server.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.body, R"({"a":1})");
  EXPECT_EQ(request.headers.at("x-amz-target"), "DynamoDB_20120810.GetItem");
  EXPECT_EQ(request.headers.at("content-type"), "application/x-amz-json-1.0");
  EXPECT_EQ(request.headers.at("x-amz-security-token"), "token");
  EXPECT_EQ(request.headers.at("content-length"), "7");
  EXPECT_TRUE(request.headers.at("authorization").contains("Credential=AKID1/"));
  EXPECT_TRUE(request.headers.at("authorization")
                  .contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target"));
}

TEST_F(AwsClientTest, SendsNothingBeforeTheFirstCallAndKeepsItsConnection) {
  AwsClient& one = client();
  EXPECT_EQ(server.connections(), 0);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(one.call_json("T", Json::object()));
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(AwsClientTest, RepeatsWhatMayPass) {
  for (const Answer& answer :
       {refusal(400, "ThrottlingException"), refusal(400, "ProvisionedThroughputExceededException"),
        refusal(500, "InternalServerError"), Answer{.status = 503}, Answer{.status = 429}, cut(),
        Answer{.status = 408}}) {
    answers = {answer, answer, {.body = "{}"}};
    asked = 0;
    const auto given = ask();
    EXPECT_TRUE(given) << given.error().error.message();
    EXPECT_EQ(asked, 3U);
  }
  EXPECT_FALSE(clock.slept_ms().empty());
}

TEST_F(AwsClientTest, GivesUpAfterItsAttemptsWithTheServicesReason) {
  answers = {refusal(400, "ThrottlingException", {"x-amzn-RequestId: R1"})};
  const auto given = ask();
  ASSERT_FALSE(given);
  EXPECT_EQ(asked, 5U);
  EXPECT_EQ(given.error().error.code(), Code::unavailable);
  EXPECT_TRUE(given.error().is("ThrottlingException"));
  EXPECT_EQ(given.error().request_id, "R1");
  EXPECT_EQ(given.error().error.message(),
            "DynamoDB_20120810.GetItem: status 400, ThrottlingException: so it is [request R1]");
}

TEST_F(AwsClientTest, ARefusalIsFinalAndHasItsCode) {
  const std::vector<std::tuple<int, std::string, Code>> kinds = {
      {400, "ConditionalCheckFailedException", Code::conflict},
      {400, "ResourceNotFoundException", Code::not_found},
      {400, "AccessDeniedException", Code::permission},
      {403, "InvalidSignatureException", Code::permission},
      {400, "ValidationException", Code::invalid_input},
      {412, "PreconditionFailed", Code::conflict},
      {413, "RequestEntityTooLarge", Code::limit_exceeded},
      {404, "", Code::not_found},
      {501, "NotImplemented", Code::unsupported},
      {301, "PermanentRedirect", Code::unsupported},
      {400, "AuthorizationHeaderMalformed", Code::unsupported}};
  for (const auto& [status, type, code] : kinds) {
    answers = {refusal(status, type)};
    asked = 0;
    const auto given = ask();
    ASSERT_FALSE(given);
    EXPECT_EQ(given.error().error.code(), code) << type;
    EXPECT_EQ(given.error().type, type);
    EXPECT_EQ(asked, 1U) << type;
  }
}

TEST_F(AwsClientTest, ABucketOfAnotherRegionIsNamedWithIt) {
  const std::vector<std::string> region = {"x-amz-bucket-region: eu-west-3"};
  const Answer to_head = {.status = 400, .headers = region};
  for (const auto& answer :
       {refusal(301, "PermanentRedirect", region), refusal(400, "AuthorizationHeaderMalformed", region), to_head}) {
    answers = {answer};
    const auto given = ask();
    ASSERT_FALSE(given);
    EXPECT_NE(given.error().error.message().find("in the region eu-west-3: set AWS_REGION"), std::string::npos)
        << given.error().error.message();
  }
}

TEST_F(AwsClientTest, ACallThatMustNotBeRepeatedIsOnlyWhereNothingWasDone) {
  for (const auto& [answer, attempts] : {std::pair(cut(), 1U), std::pair(refusal(500, "InternalServerError"), 1U),
                                         std::pair(refusal(400, "ThrottlingException"), 2U)}) {
    answers = {answer, {.body = "{}"}};
    asked = 0;
    static_cast<void>(client().call({.path = "/", .body = "{}", .repeats = false}));
    EXPECT_EQ(asked, attempts);
  }
}

TEST_F(AwsClientTest, ABodyGoesOutOnceOverAConnectionThatBreaks) {
  AwsClient& one = client();
  ASSERT_TRUE(one.call({.body = "first", .repeats = false}));
  answers = {cut()};
  EXPECT_FALSE(one.call({.body = "second", .repeats = false}));
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(AwsClientTest, ARefusalBehindALostAnswerSaysSo) {
  const Answer conflict = refusal(400, "ConditionalCheckFailedException");
  answers = {cut(), conflict};
  EXPECT_TRUE(ask().error().follows_lost_answer);
  answers = {refusal(400, "ThrottlingException"), conflict};
  asked = 0;
  EXPECT_FALSE(ask().error().follows_lost_answer) << "nothing was done";
}

TEST_F(AwsClientTest, AConflictIsRepeatedWhereTheCallerSaysSo) {
  answers = {refusal(409, "ConditionalRequestConflict"), {.body = "{}"}};
  EXPECT_EQ(client().call({}).error().error.code(), Code::conflict);
  asked = 0;
  EXPECT_TRUE(client().call({.repeats_conflict = true}));
}

TEST_F(AwsClientTest, ACredentialThatHasEndedIsFetchedAnewOnce) {
  answers = {refusal(400, "ExpiredTokenException"), {.body = "{}"}};
  ASSERT_TRUE(ask());
  EXPECT_TRUE(server.requests().at(1).headers.at("authorization").contains("Credential=AKID2/"));
  answers = {refusal(400, "ExpiredTokenException")};
  asked = 0;
  EXPECT_EQ(ask().error().error.code(), Code::permission);
  EXPECT_EQ(asked, 2U);
}

TEST_F(AwsClientTest, AClockThatIsWrongIsCorrectedByTheServices) {
  clock.advance(1'420'070'400'000 - clock.now_ms());  // 2015-01-01
  answers = {refusal(403, "RequestTimeTooSkewed", {"Date: Sat, 03 Jan 2015 12:00:00 GMT"}), {.body = "{}"}};
  AwsClient& one = client();
  ASSERT_TRUE(one.call_json("T", Json::object()));
  EXPECT_EQ(server.requests().at(0).headers.at("x-amz-date"), "20150101T000000Z");
  EXPECT_EQ(server.requests().at(1).headers.at("x-amz-date"), "20150103T120000Z");
  EXPECT_TRUE(one.call_json("T", Json::object()));
  EXPECT_EQ(server.requests().at(2).headers.at("x-amz-date"), "20150103T120000Z") << "it is remembered";
  answers = {refusal(403, "InvalidSignatureException", {"Date: Sat, 03 Jan 2015 12:00:05 GMT"})};
  asked = 0;
  EXPECT_FALSE(one.call_json("T", Json::object()));
  EXPECT_EQ(asked, 1U) << "the clock is not the reason";
}

TEST_F(AwsClientTest, S3SendsPathsAndQueriesEncodedOnceWithTheHashOfTheBody) {
  ASSERT_TRUE(client(AwsApi::s3)
                  .call({.method = "PUT",
                         .path = "/bucket/a b/../é%",
                         .query = {{"uploads", ""}, {"prefix", "a/b"}},
                         .body = "x"}));
  const auto request = server.requests().at(0);
  EXPECT_EQ(request.target, "/bucket/a%20b/../%C3%A9%25?uploads=&prefix=a%2Fb");
  EXPECT_EQ(request.headers.at("x-amz-content-sha256"), sha256_hex("x"));
}

TEST_F(AwsClientTest, ABodyThatIsMadeIsMadeAnewForEachAttempt) {
  answers = {{.status = 503}, {}};
  int made = 0;
  const std::string body(300'000, 'x');
  ASSERT_TRUE(client(AwsApi::s3)
                  .call({.method = "PUT",
                         .path = "/bucket/key",
                         .make_body = [&]() -> Result<std::unique_ptr<ByteSource>> {
                           ++made;
                           return source_of(body);
                         },
                         .body_bytes = body.size(),
                         .body_sha256 = sha256_hex(body)}));
  EXPECT_EQ(made, 2);
  for (const auto& request : server.requests()) {
    EXPECT_EQ(request.body, body);
    EXPECT_EQ(request.headers.at("x-amz-content-sha256"), sha256_hex(body));
  }
}

TEST_F(AwsClientTest, AStreamedAnswerIsReadByItsCaller) {
  answers = {{.status = 503}, {.body = "the body"}};
  const auto stream = must(client(AwsApi::s3).open({.method = "GET", .path = "/bucket/key"}));
  EXPECT_EQ(must(read_all(*stream, 100)), "the body");
  answers = {{.status = 404, .body = "<Error><Code>NoSuchKey</Code><Message>a &amp; b</Message></Error>"}};
  const auto missing = client(AwsApi::s3).open({.method = "GET", .path = "/bucket/key"});
  EXPECT_TRUE(missing.error().is("NoSuchKey"));
  EXPECT_EQ(missing.error().message, "a & b");
}

TEST_F(AwsClientTest, AStopEndsAPauseAndACall) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(client().call({}, stop.get_token()).error().error.code(), Code::cancelled);
}

TEST_F(AwsClientTest, PresignsForAtMostSevenDays) {
  const std::string url =
      must(client(AwsApi::s3, "token").presign({.method = "GET", .path = "/bucket/a key", .query = {{"a", "b"}}}, 60));
  EXPECT_TRUE(url.starts_with(server.url("/bucket/a%20key?a=b&X-Amz-Algorithm=AWS4-HMAC-SHA256&"))) << url;
  EXPECT_TRUE(url.contains("X-Amz-Expires=60&"));
  EXPECT_TRUE(url.contains("X-Amz-Security-Token=token&"));
  EXPECT_EQ(client(AwsApi::s3).presign({.method = "GET"}, 604'801).error().code(), Code::invalid_input);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(AwsClientTest, AnAnswerThatChangedOnItsWayIsAskedForAgain) {
  answers = {{.headers = {"x-amz-crc32: 1"}, .body = "{}"}, {.headers = {"x-amz-crc32: 2745614147"}, .body = "{}"}};
  EXPECT_TRUE(ask());
  EXPECT_EQ(asked, 2U);
}

TEST_F(AwsClientTest, AnAnswerThatIsNoObjectIsCorrupt) {
  answers = {{.body = "[1"}};
  EXPECT_EQ(ask().error().error.code(), Code::corrupt);
}

TEST_F(AwsClientTest, OfHundredsOfCallsAtOnceNoMoreAreRepeatedThanTheBudgetHas) {
  constexpr std::size_t kCalls = 200;
  answers = {{.status = 503}};
  AwsClient& one = client();
  {
    std::vector<std::jthread> threads;
    threads.reserve(kCalls);
    for (std::size_t i = 0; i < kCalls; ++i) {
      threads.emplace_back([&] { EXPECT_EQ(one.call({}).error().error.code(), Code::unavailable); });
    }
  }
  EXPECT_LE(asked, kCalls + 100);
  const auto pauses_ms = clock.slept_ms();
  EXPECT_EQ(pauses_ms.size(), 100U);
  EXPECT_LE(std::ranges::max(pauses_ms), 400) << "before the fifth attempt";
}

TEST_F(AwsClientTest, AServiceThatAlwaysFailsUsesUpTheRetries) {
  answers = {{.status = 500}};
  AwsClient& one = client();
  for (int i = 0; i < 40; ++i) EXPECT_FALSE(one.call({}));
  EXPECT_LT(asked, 40U + 101U) << "a hundred retries, and then one attempt for each call";
  EXPECT_EQ(one.pause_before(2, {}).error().code(), Code::unavailable);
}

}  // namespace
}  // namespace tillite::testing
