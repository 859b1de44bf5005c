// How calls of OpenAI's API are made, repeated and given up, whatever they ask.
#include "adapters/openai/openai_client.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <thread>
#include <tuple>

#include "support/must.h"
#include "support/scripted_openai.h"
#include "support/tls_server.h"

namespace tillite::testing {
namespace {

using Repeat = OpenAiClient::Repeat;

class OpenAiClientTest : public ::testing::Test {
 protected:
  OpenAiClientTest() {
    for (const char* proxy : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) ::unsetenv(proxy);
  }
  /// The error of a call whose only answer is this one.
  Error error_of(ScriptedOpenAi::Answer answer) {
    api.on("GET /thing", std::move(answer));
    auto client = api.client(api.settings());
    const auto refused = client.call({.path = "/thing"});
    EXPECT_FALSE(refused);
    return refused ? Error(Code::internal, "it succeeded") : refused.error();
  }

  ScriptedOpenAi api;
};

TEST_F(OpenAiClientTest, SendsTheKeyAndWhoAsks) {
  api.on("POST /thing", {.body = "fine"});
  auto settings = api.settings();
  settings.organization = "org-1";
  settings.project = "proj_1";
  auto client = api.client(std::move(settings));
  EXPECT_EQ(must(client.call({.method = "POST", .path = "/thing", .body = "{}"})).response.body, "fine");
  const auto request = api.requests().at(0);
  EXPECT_EQ(request.target, "/v1/thing");
  EXPECT_EQ(request.body, "{}");
  EXPECT_EQ(request.headers.at("authorization"), "Bearer " + std::string(ScriptedOpenAi::kKey));
  EXPECT_EQ(request.headers.at("openai-organization"), "org-1");
  EXPECT_EQ(request.headers.at("openai-project"), "proj_1");
  EXPECT_EQ(request.headers.at("content-type"), "application/json");
}

TEST_F(OpenAiClientTest, ACompatibleServerNeedsNoKey) {
  api.on("GET /thing", {.body = "fine"});
  auto settings = api.settings();
  settings.api_key = Secret();
  auto client = api.client(std::move(settings));
  must(client.call({.path = "/thing"}));
  EXPECT_FALSE(api.requests().at(0).headers.contains("authorization"));
  EXPECT_FALSE(api.requests().at(0).headers.contains("openai-organization"));
}

TEST_F(OpenAiClientTest, WithoutAKeyThatIsNeededNothingIsCalled) {
  auto settings = api.settings();
  settings.api_key = Secret();
  settings.needs_key = true;
  auto client = api.client(std::move(settings));
  const auto refused = client.call({.path = "/thing"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::permission);
  EXPECT_NE(refused.error().message().find("set OPENAI_API_KEY"), std::string::npos);
  EXPECT_TRUE(api.requests().empty());
}

TEST_F(OpenAiClientTest, RepeatsWhatFailedOnTheProvidersSide) {
  api.on("GET /thing", {.raw = ""});
  api.on("GET /thing", {.status = 503});
  api.on("GET /thing", {.body = "fine"});
  auto client = api.client(api.settings());
  EXPECT_EQ(must(client.call({.path = "/thing"})).response.body, "fine");
  EXPECT_EQ(api.requests().size(), 3U);
  ASSERT_EQ(api.clock.slept_ms().size(), 2U);
  EXPECT_LE(api.clock.slept_ms().at(0), 100);
  EXPECT_LE(api.clock.slept_ms().at(1), 200);
}

TEST_F(OpenAiClientTest, GivesUpAfterSoManyAttempts) {
  api.on("GET /thing", ScriptedOpenAi::refusal(500, "server_error", "we are sorry", {"x-request-id: req_7"}));
  auto client = api.client(api.settings());
  const auto refused = client.call({.path = "/thing"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::unavailable);
  EXPECT_EQ(refused.error().message(),
            "GET /thing: the provider answers with status 500: we are sorry (server_error) [request req_7]");
  EXPECT_EQ(api.requests().size(), 3U);
}

TEST_F(OpenAiClientTest, WaitsAsLongAsItIsAsked) {
  api.on("GET /thing", ScriptedOpenAi::refusal(429, "rate_limit_exceeded", "slowly", {"retry-after: 7"}));
  api.on("GET /thing", ScriptedOpenAi::refusal(503, "", "", {"retry-after-ms: 2500"}));
  api.on("GET /thing", {.body = "fine"});
  auto client = api.client(api.settings());
  must(client.call({.path = "/thing"}));
  EXPECT_EQ(api.clock.slept_ms(), (std::vector<std::int64_t>{7000, 2500}));
}

TEST_F(OpenAiClientTest, WaitsForADateByTheWallClock) {
  const std::int64_t now_s = api.clock.now_ms() / 1000;
  EXPECT_EQ(now_s, 1'760'000'000);  // Thu, 09 Oct 2025 08:53:20 GMT
  api.on("GET /thing", ScriptedOpenAi::refusal(429, "", "slowly", {"retry-after: Thu, 09 Oct 2025 08:53:50 GMT"}));
  api.on("GET /thing", {.body = "fine"});
  auto client = api.client(api.settings());
  must(client.call({.path = "/thing"}));
  EXPECT_EQ(api.clock.slept_ms(), (std::vector<std::int64_t>{30'000}));
}

TEST_F(OpenAiClientTest, DoesNotWaitForHours) {
  api.on("GET /thing", ScriptedOpenAi::refusal(429, "rate_limit_exceeded", "tomorrow", {"retry-after: 86400"}));
  auto client = api.client(api.settings());
  const auto refused = client.call({.path = "/thing"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::unavailable);
  EXPECT_EQ(api.requests().size(), 1U);
  EXPECT_TRUE(api.clock.slept_ms().empty());
}

TEST_F(OpenAiClientTest, OneWhoIsAskedToWaitSparesTheOthersOfItsEndpoint) {
  auto settings = api.settings();
  settings.retries.attempts_max = 1;
  api.on("GET /thing", ScriptedOpenAi::refusal(429, "", "slowly", {"retry-after: 7"}));
  api.on("GET /thing", {.body = "fine"});
  api.on("GET /other", {.body = "fine"});
  auto client = api.client(std::move(settings));
  EXPECT_FALSE(client.call({.path = "/thing"}));
  must(client.call({.path = "/other"}));
  EXPECT_TRUE(api.clock.slept_ms().empty());
  must(client.call({.path = "/thing"}));
  EXPECT_EQ(api.clock.slept_ms(), (std::vector<std::int64_t>{7000}));
}

TEST_F(OpenAiClientTest, WhoWaitsForASlotWaitsToo) {
  std::promise<void> end;
  const auto ended = end.get_future().share();
  std::atomic<int> asked = 0;
  HttpServer slow([&](const HttpServer::Request&) -> HttpServer::Answer {
    if (++asked > 1) return {.body = "fine"};
    ended.wait();
    return ScriptedOpenAi::refusal(429, "", "slowly", {"retry-after: 7"});
  });
  auto settings = api.settings();
  settings.base_url = slow.url("");
  settings.calls_max = 1;
  settings.retries.attempts_max = 1;
  auto client = api.client(std::move(settings));
  auto first = std::async(std::launch::async, [&] { return client.call({.path = "/thing"}).has_value(); });
  while (asked == 0) std::this_thread::yield();
  auto second = std::async(std::launch::async, [&] { return client.call({.path = "/thing"}).has_value(); });
  std::this_thread::sleep_for(
      std::chrono::milliseconds(50));  // most likely it waits now; if not, it sees the 429 first
  end.set_value();
  EXPECT_FALSE(first.get());
  EXPECT_TRUE(second.get());
  EXPECT_EQ(api.clock.slept_ms(), (std::vector<std::int64_t>{7000}));
}

TEST_F(OpenAiClientTest, AnUploadThatBrokeOffLateIsRepeatedToo) {
  std::atomic<int> asked = 0;
  HttpServer slow([&](const HttpServer::Request&) -> HttpServer::Answer {
    if (++asked > 1) return {.body = "fine"};
    api.clock.advance(600'000);
    return {.status = 503};
  });
  auto settings = api.settings();
  settings.base_url = slow.url("");
  auto client = api.client(std::move(settings));
  const auto body = []() -> Result<std::unique_ptr<ByteSource>> { return source_of("the body"); };
  must(client.call({.method = "POST", .path = "/files", .make_body = body, .body_bytes = 8, .timeout_ms = 3'600'000}));
  EXPECT_EQ(asked, 2);
}

TEST_F(OpenAiClientTest, WaitsForTheResetOfALimitThatIsUsedUp) {
  api.on("GET /thing", {.headers = {"x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 1.5s"}});
  api.on("GET /thing", {.headers = {"x-ratelimit-remaining-tokens: 0", "x-ratelimit-reset-tokens: 6m0s"}});
  api.on("GET /thing", {.headers = {"x-ratelimit-remaining-requests: 1", "x-ratelimit-reset-requests: 8s"}});
  auto client = api.client(api.settings());
  for (int i = 0; i < 4; ++i) must(client.call({.path = "/thing"}));
  EXPECT_EQ(api.clock.slept_ms(), (std::vector<std::int64_t>{1500, 60'000})) << "and never longer than a minute";
}

TEST_F(OpenAiClientTest, ARequestThatMustNotBeRepeatedIsSentOnce) {
  for (const ScriptedOpenAi::Answer& answer :
       {ScriptedOpenAi::Answer{.status = 500}, ScriptedOpenAi::Answer{.status = 504},
        ScriptedOpenAi::Answer{.raw = ""}}) {
    ScriptedOpenAi other;
    other.on("POST /thing", answer);
    auto client = other.client(other.settings());
    const auto refused = client.call({.method = "POST", .path = "/thing", .repeat = Repeat::if_undone});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::unavailable);
    EXPECT_EQ(other.requests().size(), 1U);
  }
}

TEST_F(OpenAiClientTest, ButRepeatedWhereTheProviderSaysThatItDidNothing) {
  api.on("POST /thing", ScriptedOpenAi::refusal(429, "rate_limit_exceeded", "slowly"));
  api.on("POST /thing", {.body = "fine"});
  auto client = api.client(api.settings());
  must(client.call({.method = "POST", .path = "/thing", .repeat = Repeat::if_undone}));
  EXPECT_EQ(api.requests().size(), 2U);
}

TEST_F(OpenAiClientTest, TheProcessHasABudgetOfRetries) {
  api.on("GET /thing", {.status = 500});
  auto settings = api.settings();
  settings.retries.attempts_max = 2;
  settings.breaker.faults_max = 1'000'000;
  auto client = api.client(std::move(settings));
  for (int i = 0; i < 120; ++i) EXPECT_FALSE(client.call({.path = "/thing"}));
  EXPECT_EQ(api.requests().size(), 220U) << "120 calls, 100 retries";
}

TEST_F(OpenAiClientTest, RefusedCredentialsAndUsedUpQuotaAreFinal) {
  const std::vector<ScriptedOpenAi::Answer> answers = {
      ScriptedOpenAi::refusal(401, "invalid_api_key", "Incorrect API key provided"),
      ScriptedOpenAi::refusal(403, "unsupported_country_region_territory", "not here"),
      ScriptedOpenAi::refusal(429, "insufficient_quota", "You exceeded your current quota"),
      ScriptedOpenAi::refusal(400, "billing_hard_limit_reached", "Billing hard limit has been reached"),
      {.status = 401, .body = "<html>no JSON</html>"}};
  for (const ScriptedOpenAi::Answer& answer : answers) {
    ScriptedOpenAi other;
    other.on("GET /thing", answer);
    auto client = other.client(other.settings());
    const auto refused = client.call({.path = "/thing"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::permission) << refused.error().message();
    EXPECT_NE(refused.error().message().find("OPENAI_API_KEY"), std::string::npos);
    EXPECT_EQ(other.requests().size(), 1U);
  }
}

TEST_F(OpenAiClientTest, EveryStatusHasItsMeaning) {
  const std::vector<std::tuple<int, std::string, Code>> meanings = {
      {400, "", Code::invalid_input}, {400, "context_length_exceeded", Code::limit_exceeded},
      {404, "", Code::not_found},     {404, "model_not_found", Code::not_found},
      {409, "", Code::conflict},      {413, "", Code::limit_exceeded},
      {422, "", Code::invalid_input}, {408, "", Code::timed_out},
      {405, "", Code::unsupported},   {501, "", Code::unsupported},
      {302, "", Code::unavailable},   {500, "", Code::unavailable},
      {529, "", Code::unavailable},   {402, "", Code::permission},
      {410, "", Code::unavailable},   {421, "", Code::unavailable},
      {499, "", Code::unavailable},   {416, "", Code::invalid_input}};
  for (const auto& [status, code, meaning] : meanings) {
    const auto answer = ScriptedOpenAi::refusal(status, code, "so it is");
    const auto judged = judge_refusal({.status = status, .headers = {}, .body = answer.body}, "GET /thing", Secret());
    EXPECT_EQ(judged.error.code(), meaning) << status << " " << judged.error.message();
    EXPECT_NE(judged.error.message().find("so it is"), std::string::npos);
    EXPECT_EQ(judged.is_fault, status == 408 || status == 500 || status == 529) << status;
  }
}

TEST_F(OpenAiClientTest, APageThatIsNotThereIsNoWordOnABatch) {
  for (const char* body :
       {"<html>404</html>", "", R"({"detail": "Not Found"})",
        R"json({"error": {"message": "Invalid URL (GET /v2/thing)", "type": "invalid_request_error"}})json"}) {
    const auto judged = judge_refusal({.status = 404, .headers = {}, .body = body}, "GET /thing", Secret());
    EXPECT_EQ(judged.error.code(), Code::unavailable) << body;
    EXPECT_NE(judged.error.message().find("OPENAI_BASE_URL"), std::string::npos) << judged.error.message();
    EXPECT_FALSE(judged.is_fault);
  }
}

TEST_F(OpenAiClientTest, ARefusalWithoutAReasonIsNoWordOnTheRequest) {
  for (const int status : {400, 422, 410, 421, 499}) {
    for (const char* body : {"<html>Bad Request</html>", "", "{}", R"({"error": {}})", R"({"error": ""})"}) {
      const auto judged = judge_refusal({.status = status, .headers = {}, .body = body}, "POST /thing", Secret());
      EXPECT_EQ(judged.error.code(), Code::unavailable) << status << body;
      EXPECT_NE(judged.error.message().find("OPENAI_BASE_URL"), std::string::npos) << judged.error.message();
      EXPECT_FALSE(judged.is_fault) << status << body;
    }
  }
}

TEST_F(OpenAiClientTest, WhatTheClientItselfFindsWrongIsNoWordOnTheRequest) {
  api.on("GET /thing", {.body = std::string(1000, 'x')});
  auto client = api.client(api.settings());
  EXPECT_EQ(client.call({.path = "/thing", .response_bytes_max = 999}).error().code(), Code::corrupt);
  auto settings = api.settings();
  settings.base_url = "http://127.0.0.1:99999";
  auto nowhere = api.client(std::move(settings));
  EXPECT_EQ(nowhere.call({.path = "/thing"}).error().code(), Code::unavailable);
}

TEST_F(OpenAiClientTest, NothingOfTheKeyIsInAnError) {
  const std::string key(ScriptedOpenAi::kKey);
  const std::string message = "Incorrect API key provided: " + key.substr(0, 10) + "**********" + key.substr(22) +
                              ". You sent '" + key + "'. Others: sk-proj-abc_DEF-ghi, task-force.";
  const Error error = error_of(ScriptedOpenAi::refusal(401, "invalid_api_key", message));
  EXPECT_NE(
      error.message().find("Incorrect API key provided: sk-[hidden]. You sent 'sk-[hidden]'. Others: sk-[hidden], "
                           "task-force."),
      std::string::npos)
      << error.message();
  for (std::size_t i = 0; i + 8 <= key.size(); ++i) {
    EXPECT_EQ(error.message().find(key.substr(i, 8)), std::string::npos) << error.message();
  }
}

TEST_F(OpenAiClientTest, TheProvidersWordsAreBoundedAndPlain) {
  std::string message = "line one\nline two\x1b[31m";
  for (int i = 0; i < 2000; ++i) message += "é";
  const Error error = error_of(ScriptedOpenAi::refusal(400, "bad", message));
  EXPECT_LT(error.message().size(), 700U);
  EXPECT_NE(error.message().find("line one line two [31m"), std::string::npos) << error.message();
  EXPECT_NO_THROW(static_cast<void>(Json(error.message()).dump())) << "it is still UTF-8";
}

TEST_F(OpenAiClientTest, NothingOfTheKeyIsInTheLog) {
  std::string logged;
  api.on("GET /thing", ScriptedOpenAi::refusal(500, "", "you sent " + std::string(ScriptedOpenAi::kKey)));
  api.on("GET /thing", {.body = "fine"});
  auto client = api.client(api.settings(), Logger::to([&](std::string_view line) { logged += line; }, LogLevel::debug));
  must(client.call({.path = "/thing"}));
  EXPECT_NE(logged.find("repeated"), std::string::npos) << logged;
  EXPECT_EQ(logged.find(ScriptedOpenAi::kKey.substr(3)), std::string::npos) << logged;
}

TEST_F(OpenAiClientTest, FaultsOfTheProviderOpenTheBreaker) {
  api.on("GET /thing", {.status = 500});
  auto settings = api.settings();
  settings.breaker = {.faults_max = 4, .rest_ms = 30'000};
  auto client = api.client(std::move(settings));
  EXPECT_FALSE(client.call({.path = "/thing"}));
  const auto opened = client.call({.path = "/thing"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::unavailable);
  EXPECT_NE(opened.error().message().find("4 times in a row"), std::string::npos) << opened.error().message();
  EXPECT_EQ(api.requests().size(), 4U);
  EXPECT_FALSE(client.call({.path = "/other"})) << "it is one provider";
  EXPECT_EQ(api.requests().size(), 4U) << "nothing is sent";

  api.on("GET /thing", {.body = "fine"});  // behind the last 500, which is given once more
  api.clock.advance(30'000);
  EXPECT_FALSE(client.call({.path = "/thing"}));
  EXPECT_EQ(api.requests().size(), 5U) << "one probe";
  api.clock.advance(30'000);
  EXPECT_EQ(must(client.call({.path = "/thing"})).response.body, "fine");
  must(client.call({.path = "/thing"}));
}

TEST_F(OpenAiClientTest, RefusalsAndRateLimitsDoNotOpenTheBreaker) {
  auto settings = api.settings();
  settings.breaker = {.faults_max = 2, .rest_ms = 30'000};
  auto client = api.client(std::move(settings));
  for (const int status : {400, 401, 404, 409, 413, 422, 429}) {
    const std::string path = fmt::format("/thing-{}", status);
    api.on("GET " + path, ScriptedOpenAi::refusal(status, "", "no"));
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(client.call({.path = path}));
  }
  api.on("GET /fine", {.body = "fine"});
  must(client.call({.path = "/fine"}));
}

TEST_F(OpenAiClientTest, TimeOutsAreFaultsThatAreRepeated) {
  std::promise<void> end;
  const auto ended = end.get_future().share();
  std::atomic<int> asked = 0;
  HttpServer silent([&](const HttpServer::Request&) -> HttpServer::Answer {
    ++asked;
    ended.wait();
    return {};
  });
  auto settings = api.settings();
  settings.base_url = silent.url("");
  settings.timeouts.idle_ms = 30;
  auto client = api.client(std::move(settings));
  const auto refused = client.call({.path = "/thing"});
  end.set_value();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::timed_out);
  EXPECT_EQ(asked, 3);
}

TEST_F(OpenAiClientTest, TrustsTheCertificatesThatItIsGiven) {
  const TempFolder folder;
  const TlsServer server(folder);
  auto settings = api.settings();
  settings.base_url = server.url();
  settings.base_url.pop_back();
  settings.retries.attempts_max = 1;
  auto stranger = api.client(std::move(settings));
  const auto refused = stranger.call({.path = "/"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::permission);
  EXPECT_NE(refused.error().message().find("SSL_CERT_FILE"), std::string::npos);

  settings = api.settings();
  settings.base_url = server.url();
  settings.base_url.pop_back();
  settings.certificates_file = server.certificate();
  auto client = api.client(std::move(settings));
  EXPECT_EQ(must(client.call({.path = "/"})).response.status, 200);
}

TEST_F(OpenAiClientTest, GoesThroughTheProxyOfTheEnvironment) {
  HttpServer proxy([](const HttpServer::Request&) -> HttpServer::Answer { return {.body = "fine"}; });
  ::setenv("http_proxy", proxy.url("").c_str(), 1);
  ::setenv("no_proxy", "127.0.0.1", 1);
  auto settings = api.settings();
  settings.base_url = "http://api.invalid/v1";
  auto client = api.client(std::move(settings));
  EXPECT_EQ(must(client.call({.path = "/thing"})).response.body, "fine");
  api.on("GET /thing", {.body = "direct"});
  auto direct = api.client(api.settings());
  EXPECT_EQ(must(direct.call({.path = "/thing"})).response.body, "direct") << "no_proxy names this machine";
  for (const char* name : {"http_proxy", "no_proxy"}) ::unsetenv(name);
  ASSERT_EQ(proxy.requests().size(), 1U);
  EXPECT_EQ(proxy.requests().at(0).target, "http://api.invalid/v1/thing");
}

TEST_F(OpenAiClientTest, AStopEndsTheWaitingForARetry) {
  api.on("GET /thing", {.status = 500});
  std::stop_source stop;
  stop.request_stop();
  auto client = api.client(api.settings(), Logger::none(), stop.get_token());
  const auto stopped = client.call({.path = "/thing"});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Code::cancelled);
}

TEST_F(OpenAiClientTest, AnOpenStreamIsACallThatIsUnderWay) {
  api.on("GET /thing", {.body = std::string(2'000'000, 'x')});
  auto settings = api.settings();
  settings.calls_max = 1;
  settings.timeouts.slot_ms = 20;
  auto client = api.client(std::move(settings));
  {
    const auto open = must(client.call({.path = "/thing", .streams = true}));
    EXPECT_EQ(client.call({.path = "/thing"}).error().code(), Code::unavailable);
  }
  must(client.call({.path = "/thing"}));
}

TEST_F(OpenAiClientTest, ABodyIsMadeAnewForEachAttempt) {
  api.on("POST /thing", {.status = 500});
  api.on("POST /thing", {.body = "fine"});
  auto client = api.client(api.settings());
  int made = 0;
  must(client.call({.method = "POST",
                    .path = "/thing",
                    .make_body = [&]() -> Result<std::unique_ptr<ByteSource>> {
                      ++made;
                      return source_of("the body");
                    },
                    .body_bytes = 8}));
  EXPECT_EQ(made, 2);
  EXPECT_EQ(api.requests().at(1).body, "the body");
}

}  // namespace
}  // namespace tillite::testing
