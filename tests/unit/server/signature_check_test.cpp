#include "server/signature_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

class SignatureCheckTest : public ::testing::Test {
 protected:
  VirtualClock clock;
  static AwsCredential credential(std::string secret = "secret", std::string token = "", std::string id = "AKID") {
    return {.access_key_id = std::move(id),
            .secret_access_key = Secret(std::move(secret)),
            .session_token = Secret(std::move(token))};
  }

  ServerRequest signed_request(const AwsCredential& by) {
    const std::string timestamp = sigv4_timestamp(clock.now_ms());
    SigV4Request request{.method = "POST",
                         .target = "/",
                         .headers = {{"host", "127.0.0.1:8765"}, {"x-amz-date", timestamp}},
                         .payload_hash = sha256_hex("{}")};
    if (!by.session_token.empty()) {
      request.headers.emplace_back("x-amz-security-token", std::string(by.session_token.reveal()));
    }
    const SigV4Scope scope = {.date = timestamp.substr(0, 8), .region = "anywhere", .service = "sqs"};
    ServerRequest sent{.method = request.method, .target = request.target, .fields = {}, .body = "{}"};
    for (const auto& [name, value] : request.headers) sent.fields.push_back({name, value});
    sent.fields.push_back({"authorization", sigv4_authorization(request, by, scope, timestamp)});
    return sent;
  }

  /// The name of the error; empty if it is accepted.
  std::string check(const ServerRequest& request, const std::string& token = "") {
    const auto checked = SignatureCheck(credential("secret", token), clock).check(request);
    return checked ? "" : checked.error().name();
  }
};

TEST_F(SignatureCheckTest, AcceptsWhatTheCredentialSigned) { EXPECT_EQ(check(signed_request(credential())), ""); }

TEST_F(SignatureCheckTest, AcceptsASessionsToken) {
  EXPECT_EQ(check(signed_request(credential("secret", "token/+=")), "token/+="), "");
}

TEST_F(SignatureCheckTest, RefusesARequestWithoutASignature) {
  EXPECT_EQ(check({.method = "POST", .target = "/"}), "MissingAuthenticationTokenException");
}

TEST_F(SignatureCheckTest, RefusesAnotherCredential) {
  EXPECT_EQ(check(signed_request(credential("secret", "", "OTHER"))), "UnrecognizedClientException");
  EXPECT_EQ(check(signed_request(credential("wrong"))), "InvalidSignatureException");
  EXPECT_EQ(check(signed_request(credential("secret", "other"))), "UnrecognizedClientException");
}

TEST_F(SignatureCheckTest, RefusesWhatWasChangedOnItsWay) {
  ServerRequest body = signed_request(credential());
  body.body = R"({"more": 1})";
  EXPECT_EQ(check(body), "InvalidSignatureException");
  ServerRequest target = signed_request(credential());
  target.target = "/?Action=DeleteMessage";
  EXPECT_EQ(check(target), "InvalidSignatureException");
  ServerRequest host = signed_request(credential());
  host.fields[0].value = "localhost:8765";
  EXPECT_EQ(check(host), "InvalidSignatureException");
}

TEST_F(SignatureCheckTest, RefusesWhatWasSignedTooLongAgoOrTooEarly) {
  const ServerRequest request = signed_request(credential());
  clock.advance(SignatureCheck::kClockSkewMsMax - 1000);
  EXPECT_EQ(check(request), "") << "clocks may differ";
  clock.advance(2000);
  EXPECT_EQ(check(request), "InvalidSignatureException");
  clock.advance(-2 * SignatureCheck::kClockSkewMsMax - 2000);
  EXPECT_EQ(check(request), "InvalidSignatureException");
}

TEST_F(SignatureCheckTest, RefusesAHeaderThatIsIncomplete) {
  for (const char* text :
       {"Basic abc", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=AKID, SignedHeaders=host, Signature=ab",
        "AWS4-HMAC-SHA256 Credential=AKID/1/2/3/aws4_request", "AWS4-HMAC-SHA256 ,,,=,"}) {
    EXPECT_EQ(check({.method = "POST", .target = "/", .fields = {{"authorization", text}}}),
              "IncompleteSignatureException")
        << text;
  }
  ServerRequest without_date = signed_request(credential());
  std::erase_if(without_date.fields, [](const HttpField& field) { return field.name == "x-amz-date"; });
  EXPECT_EQ(check(without_date), "IncompleteSignatureException");
}

TEST_F(SignatureCheckTest, TheHostAndTheDateMustBeSigned) {
  ServerRequest request = signed_request(credential());
  std::string& text = request.fields.back().value;
  text.replace(text.find("host;"), 5, "");
  EXPECT_EQ(check(request), "InvalidSignatureException");
}

}  // namespace
}  // namespace tillite::testing
