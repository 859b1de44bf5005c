#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <map>
#include <thread>

#include "adapters/aws/credentials.h"
#include "base/time.h"
#include "support/http_server.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {
namespace {

class AwsCredentialsTest : public ::testing::Test {
 protected:
  using Request = HttpServer::Request;

  void write(const std::string& name, const std::string& text) const { std::ofstream(folder / name) << text; }
  [[nodiscard]] Environment environment() const {
    return [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
  }
  /// The credential as "ID SECRET TOKEN", or the error.
  std::string fetched() {
    const AwsSettings settings = must(read_aws_settings(environment()));
    const auto source = default_credential_source(settings, environment(), clock, random, Logger::none());
    const auto issued = source->fetch({});
    if (!issued) return fmt::format("{}: {}", error_name(issued.error().code()), issued.error().message());
    if (!*issued) return "none";
    expires_ms = (*issued)->expires_ms;
    const AwsCredential& credential = (*issued)->credential;
    return fmt::format("{} {} {}", credential.access_key_id, credential.secret_access_key.reveal(),
                       credential.session_token.reveal());
  }
  /// As containers and instances have it.
  [[nodiscard]] static std::string json_credential() {
    return R"({"Code": "Success", "AccessKeyId": "ID", "SecretAccessKey": "S", "Token": "T",
               "Expiration": "2026-01-01T00:00:00Z"})";
  }
  [[nodiscard]] static HttpServer::Answer sts_answer() {
    return {.body =
                "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>S"
                "</SecretAccessKey><SessionToken>T</SessionToken><Expiration>2026-01-01T00:00:00Z</Expiration>"
                "</Credentials></AssumeRoleResult></AssumeRoleResponse>"};
  }

  TempFolder folder;
  VirtualClock clock;
  SeededRandom random;
  std::optional<std::int64_t> expires_ms;
  std::map<std::string, std::string> variables = {{"AWS_REGION", "eu-central-1"},
                                                  {"AWS_CONFIG_FILE", folder / "config"},
                                                  {"AWS_SHARED_CREDENTIALS_FILE", folder / "credentials"},
                                                  {"AWS_EC2_METADATA_DISABLED", "true"}};
};

TEST_F(AwsCredentialsTest, AreThoseOfTheEnvironmentFirst) {
  write("credentials", "[default]\naws_access_key_id = FILE\naws_secret_access_key = f\n");
  EXPECT_EQ(fetched(), "FILE f ");
  variables["AWS_ACCESS_KEY_ID"] = "ENV";
  EXPECT_TRUE(fetched().starts_with("Tillite.InvalidInput")) << "one of two is none";
  variables["AWS_SECRET_ACCESS_KEY"] = "e";
  variables["AWS_SESSION_TOKEN"] = "t";
  EXPECT_EQ(fetched(), "ENV e t");
}

TEST_F(AwsCredentialsTest, AreThoseOfAProfile) {
  write("config",
        "# comment\n[default]\nregion = us-east-1\n[profile other]\naws_access_key_id=OTHER ; comment\n"
        "aws_secret_access_key=o\naws_session_token=t\ns3 =\n  endpoint_url = http://x\n");
  variables["AWS_PROFILE"] = "other";
  EXPECT_EQ(fetched(), "OTHER o t");
}

TEST_F(AwsCredentialsTest, NoneAnywhereIsNoError) { EXPECT_EQ(fetched(), "none"); }

TEST_F(AwsCredentialsTest, AProfileRunsAProgram) {
  write("config",
        "[default]\ncredential_process = printf '{\"Version\": 1, \"AccessKeyId\": \"P\", "
        "\"SecretAccessKey\": \"s\", \"SessionToken\": \"t\", \"Expiration\": \"2026-01-01T00:00:00Z\"}'\n");
  EXPECT_EQ(fetched(), "P s t");
  EXPECT_EQ(expires_ms, must(parse_iso_time("2026-01-01T00:00:00Z")));
  write("config", "[default]\ncredential_process = echo bad >&2; exit 3\n");
  EXPECT_EQ(fetched(), "Tillite.Permission: the profile 'default': credential_process ended with status 3: bad\n");
}

TEST_F(AwsCredentialsTest, AProfileAssumesARoleWithAnothersCredential) {
  HttpServer sts([](const Request&) { return sts_answer(); });
  variables["AWS_ENDPOINT_URL_STS"] = sts.url("");
  write("config",
        "[default]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\nexternal_id = e/x\n"
        "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = b\n");
  EXPECT_EQ(fetched(), "ASIA S T");
  const auto request = sts.requests().at(0);
  EXPECT_TRUE(request.body.contains("Action=AssumeRole&Version=2011-06-15&ExternalId=e%2Fx&RoleArn=arn%3Aaws"));
  EXPECT_TRUE(request.headers.at("authorization").contains("Credential=BASE/")) << "signed by the other";
}

TEST_F(AwsCredentialsTest, ProfilesThatLeadInACircleAreRefused) {
  write("config", "[default]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = default\n");
  EXPECT_TRUE(fetched().contains("leads back to itself"));
}

TEST_F(AwsCredentialsTest, AnIdentityTokenIsGivenToStsUnsigned) {
  HttpServer sts([](const Request&) { return sts_answer(); });
  variables["AWS_ENDPOINT_URL_STS"] = sts.url("");
  variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = folder / "token";
  variables["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/r";
  write("token", "TOKEN\n");
  EXPECT_EQ(fetched(), "ASIA S T");
  const auto request = sts.requests().at(0);
  EXPECT_TRUE(request.body.contains("Action=AssumeRoleWithWebIdentity"));
  EXPECT_TRUE(request.body.contains("WebIdentityToken=TOKEN&"));
  EXPECT_FALSE(request.headers.contains("authorization"));
}

TEST_F(AwsCredentialsTest, AContainerGivesThemForItsToken) {
  HttpServer container([](const Request& request) -> HttpServer::Answer {
    if (request.headers.at("authorization") != "Bearer x") return {.status = 403};
    return {.body = json_credential()};
  });
  variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = container.url("/get-credentials");
  variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "Bearer x";
  EXPECT_EQ(fetched(), "ID S T");
  variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = folder / "token";
  write("token", "Bearer y");
  EXPECT_TRUE(fetched().starts_with("Tillite.Permission"));
  for (const char* url : {"http://example.com/", "http://127.0.0.1@example.com/", "http://localhost.example.com/"}) {
    variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    EXPECT_TRUE(fetched().starts_with("Tillite.InvalidInput")) << url;
  }
}

TEST_F(AwsCredentialsTest, AnInstanceGivesThemForATokenOfItsOwn) {
  HttpServer metadata([](const Request& request) -> HttpServer::Answer {
    if (request.method == "PUT" && request.target == "/latest/api/token") return {.body = "TOKEN"};
    if (request.headers.at("x-aws-ec2-metadata-token") != "TOKEN") return {.status = 401};
    if (request.target.ends_with("security-credentials/")) return {.body = "a-role\n"};
    return {.body = json_credential()};
  });
  variables.erase("AWS_EC2_METADATA_DISABLED");
  variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata.url();
  EXPECT_EQ(fetched(), "ID S T");
  EXPECT_EQ(metadata.requests().back().target, "/latest/meta-data/iam/security-credentials/a-role");
}

TEST_F(AwsCredentialsTest, AnInstanceWhoseMetadataAreBusyIsWorthAnotherTry) {
  int status = 503;
  HttpServer metadata([&](const Request&) { return HttpServer::Answer{.status = status}; });
  variables.erase("AWS_EC2_METADATA_DISABLED");
  variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata.url();
  EXPECT_TRUE(fetched().starts_with("Tillite.Unavailable"));
  status = 404;
  EXPECT_EQ(fetched(), "none") << "there is no instance";
}

/// Credentials with an end, as many as one asks for.
class EndingCredentials final : public CredentialSource {
 public:
  EndingCredentials(Clock& clock, std::atomic<int>& fetched, std::atomic<bool>& fails)
      : clock_(clock), fetched_(fetched), fails_(fails) {}
  Result<std::optional<IssuedCredential>> fetch(const std::stop_token& /*stop*/) override {
    ++fetched_;
    if (fails_) return fail(Code::unavailable, "nobody is there");
    return IssuedCredential{.credential = {.access_key_id = std::to_string(fetched_),
                                           .secret_access_key = Secret(std::string("s")),
                                           .session_token = {}},
                            .expires_ms = clock_.now_ms() + 3'600'000};
  }

 private:
  Clock& clock_;
  std::atomic<int>& fetched_;
  std::atomic<bool>& fails_;
};

class KeptCredentialsTest : public ::testing::Test {
 protected:
  VirtualClock clock;
  std::atomic<int> fetched = 0;
  std::atomic<bool> fails = false;
  Credentials credentials{std::make_unique<EndingCredentials>(clock, fetched, fails), clock, Logger::none()};
};

TEST_F(KeptCredentialsTest, AreFetchedAtTheFirstUseAndBeforeTheirEnd) {
  EXPECT_EQ(fetched, 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(must(credentials.get({}))->access_key_id, "1");
  clock.advance(3'600'000 - 4 * 60'000);
  EXPECT_EQ(must(credentials.get({}))->access_key_id, "2");
}

TEST_F(KeptCredentialsTest, AreUsedToTheirEndIfThereAreNoOthers) {
  ASSERT_TRUE(credentials.get({}));
  fails = true;
  clock.advance(3'600'000 - 4 * 60'000);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(credentials.get({}));
  EXPECT_EQ(fetched, 2) << "another attempt comes after a pause";
  clock.advance(4 * 60'000);
  EXPECT_EQ(credentials.get({}).error().code(), Code::unavailable);
}

TEST_F(KeptCredentialsTest, AreFetchedAnewWhenAServiceRefusesThem) {
  const auto first = must(credentials.get({}));
  credentials.drop(*first);
  EXPECT_EQ(must(credentials.get({}))->access_key_id, "2");
  credentials.drop(*first);
  EXPECT_EQ(must(credentials.get({}))->access_key_id, "2") << "that has happened already";
}

TEST_F(KeptCredentialsTest, AreFetchedOnceForManyThreads) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_EQ(must(credentials.get({}))->access_key_id, "1"); });
  threads.clear();
  EXPECT_EQ(fetched, 1);
}

}  // namespace
}  // namespace tillite::testing
