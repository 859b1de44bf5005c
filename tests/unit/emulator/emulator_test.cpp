#include "emulator/emulator.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/log.h"
#include "support/must.h"
#include "support/seeded_random.h"
#include "support/standing_clock.h"
#include "support/temp_folder.h"

namespace tillite::testing {
namespace {

/// An emulator without a server in front of it.
class EmulatorTest : public ::testing::Test {
 protected:
  void open(std::string_view faults = "", std::uint64_t seed = 1) {
    emulator_.reset();
    emulator_ = must(Emulator::open({.folder = folder_.path(), .faults = must(FaultSpec::parse(faults)), .seed = seed},
                                    clock_, random_, Logger::none()));
  }

  ServerResponse call(const std::string& method, const std::string& target, const std::string& body = "",
                      std::vector<HttpField> fields = {{"authorization", "Bearer k"}}) {
    ServerResponse answered{.status = 0};
    const ServerRequest request{.method = method, .target = target, .fields = std::move(fields), .body = body};
    ServerAnswer answer([&](ServerResponse response) { answered = std::move(response); });
    if (const auto receiver = emulator_->receiver_of(request)) {
      EXPECT_TRUE(receiver->take(as_bytes(body)));
      receiver->finish(std::move(answer));
    } else {
      emulator_->handle(request, std::move(answer));
    }
    return answered;
  }
  ServerResponse upload(const std::string& form) {
    return call("POST", "/v1/files", form,
                {{"authorization", "Bearer k"}, {"content-type", "multipart/form-data; boundary=x"}});
  }
  static std::string part(std::string_view name, std::string_view content) {
    return fmt::format("--x\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n", name, content);
  }
  static std::string file_part(std::string_view file_name, std::string_view content) {
    return fmt::format("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\r\n{}\r\n", file_name,
                       content);
  }
  static Json json(const ServerResponse& response) { return must(parse_json(response.body, "the answer")); }
  static std::string message(const ServerResponse& response) { return json(response).at("error").at("message"); }
  static std::string field(const ServerResponse& response, std::string_view name) {
    for (const HttpField& field : response.fields) {
      if (field.name == name) return field.value;
    }
    return "";
  }

  TempFolder folder_;
  StandingClock clock_;
  SeededRandom random_;
  std::unique_ptr<Emulator> emulator_;
};

TEST_F(EmulatorTest, AnswersHaveTheHeadersOfOpenAi) {
  open();
  const ServerResponse response = call("GET", "/v1/files");
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_TRUE(field(response, "x-request-id").starts_with("req_"));
  EXPECT_EQ(field(response, "openai-processing-ms"), "0");
  EXPECT_NE(field(response, "x-request-id"), field(call("GET", "/v1/files"), "x-request-id"));
}

TEST_F(EmulatorTest, WantsAKey) {
  open();
  EXPECT_EQ(call("GET", "/v1/files", "", {}).status, 401U);
  EXPECT_EQ(call("GET", "/v1/files", "", {{"authorization", "Basic k"}}).status, 401U);
  EXPECT_EQ(call("GET", "/v1/files", "", {{"authorization", "Bearer any"}}).status, 200U);
  emulator_.reset();
  emulator_ = must(Emulator::open({.folder = folder_.path(), .api_key = "sk-right"}, clock_, random_, Logger::none()));
  EXPECT_EQ(call("GET", "/v1/files", "", {{"authorization", "Bearer sk-right"}}).status, 200U);
  const ServerResponse refused =
      call("GET", "/v1/files", "", {{"authorization", "Bearer sk-something-secret-that-is-wrong"}});
  EXPECT_EQ(refused.status, 401U);
  EXPECT_EQ(message(refused), "Incorrect API key provided: sk-s********rong.");
  EXPECT_EQ(json(refused).at("error").at("code"), "invalid_api_key");
}

TEST_F(EmulatorTest, KnowsItsUrlsOnly) {
  open();
  for (const auto& [method, target] :
       {std::pair("GET", "/"), std::pair("GET", "/v1"), std::pair("PUT", "/v1/files"),
        std::pair("GET", "/v1/files/a/b"), std::pair("GET", "/v1/files/"), std::pair("POST", "/v1/batches/a/b/cancel"),
        std::pair("GET", "/v1/files/%ff")}) {
    EXPECT_EQ(call(method, target).status, 404U) << method << target;
  }
}

TEST_F(EmulatorTest, TakesAFileWithItsFieldsInAnyOrder) {
  open();
  const std::string file = file_part("a.jsonl", "{}\n");
  const std::string expires = part("expires_after[anchor]", "created_at") + part("expires_after[seconds]", "3600");
  for (const std::string& form : {part("purpose", "batch") + file, file + part("purpose", "batch")}) {
    const Json kept = json(upload(form + "--x--"));
    EXPECT_EQ(kept.at("bytes"), 3);
    EXPECT_EQ(kept.at("expires_at").get<std::int64_t>() - kept.at("created_at").get<std::int64_t>(), 30 * 24 * 3600);
  }
  const Json kept = json(upload(expires + file + part("purpose", "user_data") + "--x--"));
  EXPECT_EQ(kept.at("expires_at").get<std::int64_t>() - kept.at("created_at").get<std::int64_t>(), 3600);
}

TEST_F(EmulatorTest, SaysWhatIsWrongWithAnUpload) {
  open();
  const std::string file = file_part("a.jsonl", "{}\n");
  const std::string purpose = part("purpose", "batch");
  EXPECT_EQ(message(upload(purpose + "--x--")), "Missing required parameter: 'file'.");
  EXPECT_EQ(message(upload(file + "--x--")), "Missing required parameter: 'purpose'.");
  EXPECT_NE(message(upload(file + part("purpose", "other") + "--x--")).find("'other' is not one of"),
            std::string::npos);
  EXPECT_EQ(message(upload(file_part("a.txt", "{}") + purpose + "--x--")),
            "Invalid file format for Batch API. Must be .jsonl");
  EXPECT_EQ(message(upload(file_part("a.jsonl", "") + purpose + "--x--")), "File is empty.");
  EXPECT_NE(message(upload(file + purpose)).find("ends before its last boundary"), std::string::npos);
  EXPECT_NE(message(upload(file + file + purpose + "--x--")).find("two files"), std::string::npos);
  EXPECT_NE(message(upload(file + purpose + part("expires_after[seconds]", "3600") + "--x--")).find("expires_after"),
            std::string::npos);
  EXPECT_NE(message(call("POST", "/v1/files", "{}")).find("must be multipart/form-data"), std::string::npos);
  EXPECT_EQ(json(call("GET", "/emulator/stats")).at("files").at("alive"), 0);
}

TEST_F(EmulatorTest, FaultsAreTheSameForASeedAndAnOrderOfRequests) {
  const auto statuses = [&](std::uint64_t seed) {
    open("429=0.2,5xx=0.2,cut=0.2,slow=0.1", seed);
    std::string texts;
    for (int i = 0; i < 40; ++i) {
      const ServerResponse response = call("GET", "/v1/files");
      texts += fmt::format("{}{} ", response.delivery.hangs_up ? "cut" : std::to_string(response.status),
                           response.delivery.delay_ms > 0 ? " slowly" : "");
    }
    return texts;
  };
  const std::string first = statuses(7);
  EXPECT_EQ(first, statuses(7));
  EXPECT_NE(first, statuses(8));
  for (const char* happened : {"429", "50", "cut", "slowly", "200 "})
    EXPECT_NE(first.find(happened), std::string::npos);
}

TEST_F(EmulatorTest, AConnectionThatIsCutBeforehandHidesNothingAndAfterwardsADeed) {
  open("cut-before=1");
  EXPECT_TRUE(upload(part("purpose", "batch") + file_part("a.jsonl", "{}") + "--x--").delivery.hangs_up);
  EXPECT_EQ(json(call("GET", "/emulator/stats")).at("files").at("alive"), 0);
  open("cut-after=1");
  EXPECT_TRUE(upload(part("purpose", "batch") + file_part("a.jsonl", "{}") + "--x--").delivery.hangs_up);
  EXPECT_EQ(json(call("GET", "/emulator/stats")).at("files").at("alive"), 1);
}

TEST_F(EmulatorTest, RateLimitsSayWhenToComeAgain) {
  open("429=1,retry-after=1500ms");
  const ServerResponse response = call("GET", "/v1/files");
  EXPECT_EQ(response.status, 429U);
  EXPECT_EQ(field(response, "retry-after"), "2");
  EXPECT_EQ(json(response).at("error").at("code"), "rate_limit_exceeded");
  open("quota=1");
  EXPECT_EQ(json(call("GET", "/v1/files")).at("error").at("code"), "insufficient_quota");
}

TEST_F(EmulatorTest, ABodyIsCutInTheMiddle) {
  open();
  const std::string id = json(upload(part("purpose", "batch") + file_part("a.jsonl", "0123456789") + "--x--")).at("id");
  open("cut-body=1");
  const ServerResponse response = call("GET", "/v1/files/" + id + "/content");
  ASSERT_TRUE(response.stream);
  EXPECT_EQ(response.stream->bytes, 10U);
  EXPECT_EQ(response.delivery.body_bytes_max, 5U);
  EXPECT_EQ(call("GET", "/v1/files").status, 200U) << "it has no content that could be cut";
  EXPECT_EQ(json(call("GET", "/emulator/stats")).at("requests").at("faults").at("cut-body"), 1);
}

TEST_F(EmulatorTest, ScriptsAnswersAndFaultsOfTheNextRequests) {
  open();
  const auto script = [&](const std::string& answers) { return call("POST", "/emulator/answers", answers).status; };
  EXPECT_EQ(script(R"({"answers": [{"on": "GET /v1/files", "skip": 1, "times": 2, "status": 503},
                                   {"on": "*", "fault": "cut-before"}]})"),
            200U);
  EXPECT_EQ(call("GET", "/v1/files").status, 200U);
  EXPECT_EQ(call("GET", "/v1/files").status, 503U);
  EXPECT_TRUE(call("GET", "/v1/batches").delivery.hangs_up);
  EXPECT_EQ(call("GET", "/v1/files").status, 503U);
  EXPECT_EQ(call("GET", "/v1/files").status, 200U);
  EXPECT_EQ(script(R"({"answers": [{"on": "*", "status": 200}, {"on": "*", "status": 200, "body": {}}]})"), 200U);
  EXPECT_EQ(call("GET", "/v1/files").body, "") << "no body is an empty one";
  EXPECT_EQ(call("GET", "/v1/files").body, "{}");
  EXPECT_EQ(script(R"({"answers": [{"on": "*", "status": 500}]})"), 200U);
  EXPECT_EQ(call("DELETE", "/emulator/answers").status, 200U);
  EXPECT_EQ(call("GET", "/v1/files").status, 200U);
  for (const char* wrong :
       {"", "{}", R"({"answers": [{}]})", R"({"answers": [{"on": "*"}]})",
        R"({"answers": [{"on": "*", "status": 99}]})", R"({"answers": [{"on": "*", "fault": "no"}]})",
        R"({"answers": [{"on": "*", "status": 500, "othr": 1}]})"}) {
    EXPECT_EQ(script(wrong), 400U) << wrong;
  }
  EXPECT_EQ(call("POST", "/emulator/batches", R"({"outcomes": [{"end": "never"}]})").status, 400U);
  EXPECT_EQ(call("GET", "/emulator/other").status, 404U);
}

TEST_F(EmulatorTest, CountsRequestsAndThoseThatAreUnderWayTogether) {
  open();
  {
    const ServerResponse first = call("GET", "/v1/files");  // as long as it is not out it is under way
    const ServerResponse second = call("GET", "/v1/files");
    EXPECT_EQ(json(call("GET", "/emulator/stats")).at("requests").at("in_flight_max"), 2);
  }
  call("GET", "/v1/batches/none");
  const Json requests = json(call("GET", "/emulator/stats")).at("requests");
  EXPECT_EQ(requests.at("in_flight_max"), 2);
  EXPECT_EQ(requests.at("total"), 3);
  EXPECT_EQ(requests.at("by_operation").at("GET /v1/files").at("by_status").at("200"), 2);
  EXPECT_EQ(requests.at("by_operation").at("GET /v1/batches/{id}").at("by_status").at("404"), 1);
  const std::string body = R"({"model": "text-embedding-3-small", "input": ["oat milk", "bread"]})";
  EXPECT_EQ(call("POST", "/v1/embeddings", body).status, 200U);
  const Json embedded = json(call("GET", "/emulator/stats")).at("requests").at("embedded");
  EXPECT_EQ(embedded, (Json{{"items", 2}, {"tokens", 4}}));
  call("DELETE", "/emulator/stats");
  EXPECT_EQ(json(call("GET", "/emulator/stats")).at("requests").at("total"), 0);
}

TEST_F(EmulatorTest, AFolderHasOneEmulatorAtATime) {
  open();
  const auto second = Emulator::open({.folder = folder_.path()}, clock_, random_, Logger::none());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::lock_held);
}

TEST_F(EmulatorTest, ARunningEmulatorMovesANewBatchOnWithoutBeingAsked) {
  open();
  const std::string line =
      R"({"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"model": "text-embedding-3-small", "input": "a"}})";
  const std::string file = json(upload(part("purpose", "batch") + file_part("a.jsonl", line) + "--x--")).at("id");
  std::jthread running([&](const std::stop_token& stop) { emulator_->run(stop); });
  clock_.wait_for_sleeper();  // it has found nothing to do
  const std::string id =
      json(call("POST", "/v1/batches",
                to_text({{"input_file_id", file}, {"endpoint", "/v1/embeddings"}, {"completion_window", "24h"}})))
          .at("id");
  const auto status = [&] { return json(call("GET", "/v1/batches/" + id)).at("status").get<std::string>(); };
  while (status() != "completed") {
    clock_.advance(1000);
    std::this_thread::yield();
  }
}

}  // namespace
}  // namespace tillite::testing
