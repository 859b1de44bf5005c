#include "server/signature_check.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hash.h"
#include "base/time.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

class SignatureCheckTest : public ::testing::Test {
 protected:
  VirtualClock clock;
  AwsCredential credential{.access_key_id = "AKID", .secret_access_key = "secret", .session_token = ""};

  /// "20150830T123600Z" of now.
  std::string timestamp() {
    std::string text = iso_time(clock.now_ms()).substr(0, 19) + "Z";
    std::erase(text, '-');
    std::erase(text, ':');
    return text;
  }

  ServerRequest signed_request(const AwsCredential& by) {
    ServerRequest request{.method = "POST",
                          .target = "/",
                          .fields = {{"host", "127.0.0.1:8765"}, {"x-amz-date", timestamp()}},
                          .body = "{}"};
    std::vector<std::string> names = {"host", "x-amz-date"};
    if (!by.session_token.empty()) {
      request.fields.push_back({"x-amz-security-token", by.session_token});
      names.emplace_back("x-amz-security-token");
    }
    const SigV4Scope scope = {.date = timestamp().substr(0, 8), .region = "anywhere", .service = "sqs"};
    const std::string signature = sigv4_signature(by.secret_access_key, scope, timestamp(),
                                                  sigv4_canonical_request(request, names, sha256_hex(request.body)));
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ";") + name;
    request.fields.push_back(
        {"authorization", fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
                                      by.access_key_id, scope.text(), list, signature)});
    return request;
  }

  /// The name of the error; empty if it is accepted.
  std::string check(const ServerRequest& request) {
    const auto checked = SignatureCheck(credential, clock).check(request);
    return checked ? "" : checked.error().name();
  }
};

TEST_F(SignatureCheckTest, AcceptsWhatTheCredentialSigned) { EXPECT_EQ(check(signed_request(credential)), ""); }

TEST_F(SignatureCheckTest, AcceptsASessionsToken) {
  credential.session_token = "token/+=";
  EXPECT_EQ(check(signed_request(credential)), "");
}

TEST_F(SignatureCheckTest, RefusesARequestWithoutASignature) {
  EXPECT_EQ(check({.method = "POST", .target = "/"}), "MissingAuthenticationTokenException");
}

TEST_F(SignatureCheckTest, RefusesAnotherCredential) {
  EXPECT_EQ(check(signed_request({.access_key_id = "OTHER", .secret_access_key = "secret"})),
            "UnrecognizedClientException");
  EXPECT_EQ(check(signed_request({.access_key_id = "AKID", .secret_access_key = "wrong"})),
            "InvalidSignatureException");
  EXPECT_EQ(check(signed_request({.access_key_id = "AKID", .secret_access_key = "secret", .session_token = "other"})),
            "UnrecognizedClientException");
}

TEST_F(SignatureCheckTest, RefusesWhatWasChangedOnItsWay) {
  ServerRequest body = signed_request(credential);
  body.body = R"({"more": 1})";
  EXPECT_EQ(check(body), "InvalidSignatureException");
  ServerRequest target = signed_request(credential);
  target.target = "/?Action=DeleteMessage";
  EXPECT_EQ(check(target), "InvalidSignatureException");
  ServerRequest host = signed_request(credential);
  host.fields[0].value = "localhost:8765";
  EXPECT_EQ(check(host), "InvalidSignatureException");
}

TEST_F(SignatureCheckTest, RefusesWhatWasSignedTooLongAgoOrTooEarly) {
  const ServerRequest request = signed_request(credential);
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
  ServerRequest without_date = signed_request(credential);
  std::erase_if(without_date.fields, [](const HttpField& field) { return field.name == "x-amz-date"; });
  EXPECT_EQ(check(without_date), "IncompleteSignatureException");
}

TEST_F(SignatureCheckTest, TheHostAndTheDateMustBeSigned) {
  ServerRequest request = signed_request(credential);
  std::string& text = request.fields.back().value;
  text.replace(text.find("host;"), 5, "");
  EXPECT_EQ(check(request), "InvalidSignatureException");
}

}  // namespace
}  // namespace tillite::testing
