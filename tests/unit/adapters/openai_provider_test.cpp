// What OpenAI's Batch API is asked, and what is made of its answers.
#include "adapters/openai/openai_provider.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "support/must.h"
#include "support/scripted_openai.h"

namespace tillite::testing {
namespace {

class OpenAiProviderTest : public ::testing::Test {
 protected:
  OpenAiProviderTest() {
    for (const char* proxy : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) ::unsetenv(proxy);
  }
  Result<ProviderFileId> upload(const std::string& content, const std::string& name = "requests.ndjson") {
    return provider.upload(*source_of(content), name);
  }

  ScriptedOpenAi api;
  OpenAiClient client{api.settings(), api.clock, api.random, Logger::none(), {}};
  OpenAiProvider provider{client};
};

TEST_F(OpenAiProviderTest, UploadsAFileForBatchesAsAForm) {
  api.on("POST /files", ScriptedOpenAi::json({{"id", "file-1"}, {"bytes", 12}, {"status", "processed"}}));
  EXPECT_EQ(must(upload("{\"a\": \"\r\n\"}\n")), ProviderFileId("file-1"));
  const auto request = api.requests().at(0);
  const std::string type = request.headers.at("content-type");
  ASSERT_TRUE(type.starts_with("multipart/form-data; boundary=")) << type;
  const std::string boundary = type.substr(type.find('=') + 1);
  EXPECT_EQ(request.body, "--" + boundary + "\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--" +
                              boundary +
                              "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"requests.jsonl\"\r\n"
                              "Content-Type: application/jsonl\r\n\r\n{\"a\": \"\r\n\"}\n\r\n--" +
                              boundary + "--\r\n");
}

TEST_F(OpenAiProviderTest, AFilesNameCannotLeaveItsPlace) {
  api.on("POST /files", ScriptedOpenAi::json({{"id", "file-1"}}));
  must(upload("x", "a\"\r\nb/c.jsonl"));
  EXPECT_NE(api.requests().at(0).body.find("filename=\"a___b_c.jsonl\""), std::string::npos);
}

TEST_F(OpenAiProviderTest, RepeatsAnUploadFromTheFront) {
  api.on("POST /files", {.status = 502});
  api.on("POST /files", ScriptedOpenAi::json({{"id", "file-2"}, {"bytes", 100'000}}));
  EXPECT_EQ(must(upload(std::string(100'000, 'x'))), ProviderFileId("file-2"));
  EXPECT_EQ(api.requests().at(0).body, api.requests().at(1).body);
}

TEST_F(OpenAiProviderTest, DeletesAFileThatDidNotArriveAsAWhole) {
  api.on("POST /files", ScriptedOpenAi::json({{"id", "file-3"}, {"bytes", 2}}));
  api.on("DELETE /files/file-3", ScriptedOpenAi::json({{"id", "file-3"}, {"deleted", true}}));
  const auto refused = upload("four");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::unavailable);
  EXPECT_EQ(api.count("DELETE /files/file-3"), 1U);
}

TEST_F(OpenAiProviderTest, DeletesAFileThatTheProviderCannotUse) {
  api.on("POST /files", ScriptedOpenAi::json({{"id", "file-4"}, {"bytes", 4}, {"status", "error"}}));
  api.on("DELETE /files/file-4", {.status = 500});
  EXPECT_EQ(upload("four").error().code(), Code::invalid_input) << "whatever comes of the deletion";
}

TEST_F(OpenAiProviderTest, CreatesABatchOfEmbeddings) {
  Json batch = ScriptedOpenAi::batch("batch_1", "validating");
  batch["metadata"] = {{"own", "7"}};
  api.on("POST /batches", ScriptedOpenAi::json(batch));
  const auto created = must(provider.create_batch(ProviderFileId("file-in"), {{"own", "7"}}));
  EXPECT_EQ(created.id, ProviderBatchId("batch_1"));
  EXPECT_EQ(created.metadata, (std::map<std::string, std::string>{{"own", "7"}}));
  EXPECT_EQ(Json::parse(api.requests().at(0).body), (Json{{"input_file_id", "file-in"},
                                                          {"endpoint", "/v1/embeddings"},
                                                          {"completion_window", "24h"},
                                                          {"metadata", {{"own", "7"}}}}));
}

TEST_F(OpenAiProviderTest, NeverCreatesABatchTwice) {
  api.on("POST /batches", {.status = 500});
  EXPECT_EQ(provider.create_batch(ProviderFileId("file-in"), {}).error().code(), Code::unavailable);
  EXPECT_EQ(api.count("POST /batches"), 1U);
}

TEST_F(OpenAiProviderTest, ABatchOfAFileThatIsGoneIsNotFoundHoweverTheServerPutsIt) {
  api.on("POST /batches", ScriptedOpenAi::refusal(400, "invalid_request", "Invalid input_file_id"));
  api.on("GET /files/file-in", ScriptedOpenAi::refusal(404, "", "No such File object: file-in"));
  EXPECT_EQ(provider.create_batch(ProviderFileId("file-in"), {}).error().code(), Code::not_found);
  ScriptedOpenAi other;
  other.on("POST /batches", ScriptedOpenAi::refusal(400, "invalid_request", "Invalid metadata"));
  other.on("GET /files/file-in", ScriptedOpenAi::json({{"id", "file-in"}}));
  auto other_client = other.client(other.settings());
  const auto refused = OpenAiProvider(other_client).create_batch(ProviderFileId("file-in"), {});
  EXPECT_EQ(refused.error().code(), Code::invalid_input);
  EXPECT_NE(refused.error().message().find("Invalid metadata"), std::string::npos);
}

TEST_F(OpenAiProviderTest, TellsWhereABatchStands) {
  Json batch = ScriptedOpenAi::batch("batch_1", "completed");
  batch["output_file_id"] = "file-out";
  batch["error_file_id"] = nullptr;
  batch["errors"] = nullptr;
  batch["metadata"] = nullptr;
  batch["request_counts"] = {{"total", 3}, {"completed", 2}, {"failed", 1}};
  api.on("GET /batches/batch_1", ScriptedOpenAi::json(batch));
  const auto told = must(provider.batch(ProviderBatchId("batch_1")));
  EXPECT_EQ(told.status, ProviderStatus::completed);
  EXPECT_EQ(told.input_file_id, ProviderFileId("file-in"));
  EXPECT_EQ(told.output_file_id, ProviderFileId("file-out"));
  EXPECT_EQ(told.error_file_id, std::nullopt);
  EXPECT_TRUE(told.metadata.empty());
  EXPECT_EQ(told.requests_total, 3U);
  EXPECT_EQ(told.requests_completed, 2U);
  EXPECT_EQ(told.requests_failed, 1U);
}

TEST_F(OpenAiProviderTest, TellsWhyABatchFailed) {
  Json batch = ScriptedOpenAi::batch("batch_1", "failed");
  batch["errors"] = {{"object", "list"},
                     {"data", {{{"code", "token_limit_exceeded"}, {"message", "too many"}, {"line", nullptr}}}}};
  api.on("GET /batches/batch_1", ScriptedOpenAi::json(batch));
  const auto told = must(provider.batch(ProviderBatchId("batch_1")));
  EXPECT_EQ(told.status, ProviderStatus::failed);
  EXPECT_EQ(told.error_code, "token_limit_exceeded");
  EXPECT_EQ(told.error_message, "too many");
}

TEST_F(OpenAiProviderTest, NoKeyIsInTheReasonOfABatch) {
  const std::string key(ScriptedOpenAi::kKey);
  Json batch = ScriptedOpenAi::batch("batch_1", "failed");
  batch["errors"] = {{"data", {{{"code", "invalid_api_key"}, {"message", "sk-other-1234 and " + key.substr(4)}}}}};
  api.on("GET /batches/batch_1", ScriptedOpenAi::json(batch));
  api.on("POST /batches", ScriptedOpenAi::json(batch));
  api.on("GET /batches", ScriptedOpenAi::json({{"data", {batch}}, {"has_more", false}}));
  const std::string hidden = "sk-[hidden] and [hidden]";
  EXPECT_EQ(must(provider.batch(ProviderBatchId("batch_1"))).error_message, hidden);
  EXPECT_EQ(must(provider.create_batch(ProviderFileId("file-in"), {})).error_message, hidden);
  EXPECT_EQ(must(provider.list({}, 1)).batches.at(0).error_message, hidden);
}

TEST_F(OpenAiProviderTest, AStatusThatIsNewStaysPolled) {
  api.on("GET /batches/batch_1", ScriptedOpenAi::json(ScriptedOpenAi::batch("batch_1", "pausing")));
  const auto told = must(provider.batch(ProviderBatchId("batch_1")));
  EXPECT_EQ(told.status, ProviderStatus::in_progress);
  EXPECT_NE(told.error_message.find("'pausing'"), std::string::npos);
}

TEST_F(OpenAiProviderTest, WhatIsNoBatchIsCorrupt) {
  for (const char* body :
       {"", "[]", "{}", "null", R"({"id": 7, "status": "failed"})", R"({"id": "b", "input_file_id": "f"})",
        R"({"id": "", "input_file_id": "f", "status": "failed"})"}) {
    ScriptedOpenAi other;
    other.on("GET /batches/batch_1", {.body = body});
    auto other_client = other.client(other.settings());
    EXPECT_EQ(OpenAiProvider(other_client).batch(ProviderBatchId("batch_1")).error().code(), Code::corrupt) << body;
  }
}

TEST_F(OpenAiProviderTest, AsksForPagesOfBatches) {
  api.on("GET /batches", ScriptedOpenAi::json({{"object", "list"},
                                               {"data", {ScriptedOpenAi::batch("b2"), ScriptedOpenAi::batch("b1")}},
                                               {"has_more", true}}));
  api.on("GET /batches", ScriptedOpenAi::json({{"object", "list"}, {"data", Json::array()}, {"has_more", false}}));
  const auto first = must(provider.list({}, 2));
  ASSERT_EQ(first.batches.size(), 2U);
  EXPECT_EQ(first.batches.at(1).id, ProviderBatchId("b1"));
  EXPECT_TRUE(first.has_more);
  EXPECT_FALSE(must(provider.list(ProviderBatchId("b 1"), 100)).has_more);
  EXPECT_EQ(api.requests().at(0).target, "/v1/batches?limit=2");
  EXPECT_EQ(api.requests().at(1).target, "/v1/batches?limit=100&after=b%201");
}

TEST_F(OpenAiProviderTest, APageBehindABatchThatIsNotThereIsNotFound) {
  api.on("GET /batches", ScriptedOpenAi::refusal(400, "", "Invalid 'after'"));
  EXPECT_EQ(provider.list(ProviderBatchId("none"), 10).error().code(), Code::not_found);
  EXPECT_EQ(provider.list({}, 10).error().code(), Code::invalid_input);
}

TEST_F(OpenAiProviderTest, ABatchThatHasEndedNeedNoCancellation) {
  api.on("POST /batches/b1/cancel", ScriptedOpenAi::refusal(409, "", "Cannot cancel a batch with status 'completed'"));
  api.on("GET /batches/b1", ScriptedOpenAi::json(ScriptedOpenAi::batch("b1", "completed")));
  EXPECT_TRUE(provider.cancel(ProviderBatchId("b1")));
  api.on("POST /batches/b2/cancel", ScriptedOpenAi::refusal(400, "", "not now"));
  api.on("GET /batches/b2", ScriptedOpenAi::json(ScriptedOpenAi::batch("b2", "in_progress")));
  EXPECT_EQ(provider.cancel(ProviderBatchId("b2")).error().code(), Code::invalid_input);
}

TEST_F(OpenAiProviderTest, AnIdCannotLeaveItsPlace) {
  EXPECT_FALSE(provider.batch(ProviderBatchId("../files/x?y#z")));
  EXPECT_EQ(api.requests().at(0).target, "/v1/batches/..%2Ffiles%2Fx%3Fy%23z");
}

// ---- downloads

class OpenAiDownloadTest : public OpenAiProviderTest {
 protected:
  static constexpr const char* kCall = "GET /files/file-1/content";
  static std::string head(int status, const std::string& headers) {
    return fmt::format("HTTP/1.1 {} Said\r\n{}\r\n", status, headers);
  }
  Result<std::string> content() {
    const auto source = provider.download(ProviderFileId("file-1"));
    if (!source) return std::unexpected(source.error());
    return read_all(**source, std::size_t{1} << 24);
  }
  std::vector<std::string> ranges() {
    std::vector<std::string> ranges;
    for (const auto& request : api.requests()) {
      const auto range = request.headers.find("range");
      ranges.push_back(range == request.headers.end() ? "" : range->second);
    }
    return ranges;
  }
};

TEST_F(OpenAiDownloadTest, HandsOutWhatArrives) {
  api.on(kCall, {.body = std::string(1'000'000, 'x')});
  EXPECT_EQ(must(content()), std::string(1'000'000, 'x'));
  EXPECT_EQ(ranges(), (std::vector<std::string>{""}));
}

TEST_F(OpenAiDownloadTest, AnEmptyFileIsEmpty) {
  api.on(kCall, {.body = ""});
  EXPECT_EQ(must(content()), "");
}

TEST_F(OpenAiDownloadTest, GoesOnWhereItBrokeOff) {
  api.on(kCall, {.raw = head(200, "Content-Length: 10\r\nETag: \"v1\"\r\n") + "abcd"});
  api.on(kCall, {.raw = head(206, "Content-Length: 6\r\nContent-Range: bytes 4-9/10\r\n") + "ef"});
  api.on(kCall, {.raw = head(206, "Content-Length: 4\r\nContent-Range: bytes 6-9/10\r\n") + "ghij"});
  EXPECT_EQ(must(content()), "abcdefghij");
  EXPECT_EQ(ranges(), (std::vector<std::string>{"", "bytes=4-", "bytes=6-"}));
  EXPECT_EQ(api.requests().at(1).headers.at("if-range"), "\"v1\"");
}

TEST_F(OpenAiDownloadTest, PassesOverWhatItHasWhereTheServerDoesNotKnowRange) {
  api.on(kCall, {.raw = head(200, "Content-Length: 10\r\n") + "abcd"});
  api.on(kCall, {.raw = head(200, "Content-Length: 10\r\n") + "ab"});
  api.on(kCall, {.raw = head(200, "Content-Length: 10\r\n") + "abcdefgh"});
  api.on(kCall, {.raw = head(200, "Content-Length: 10\r\n") + "abcdefghij"});
  EXPECT_EQ(must(content()), "abcdefghij");
}

TEST_F(OpenAiDownloadTest, AsksWithoutRangeWhereItIsRefused) {
  api.on(kCall, {.raw = head(200, "Content-Length: 10\r\n") + "abcd"});
  api.on(kCall, ScriptedOpenAi::refusal(416, "", "no ranges here"));
  api.on(kCall, {.raw = head(200, "Content-Length: 10\r\n") + "abcdefghij"});
  EXPECT_EQ(must(content()), "abcdefghij");
  EXPECT_EQ(ranges(), (std::vector<std::string>{"", "bytes=4-", ""}));
}

TEST_F(OpenAiDownloadTest, AFileThatChangesItsLengthIsCorrupt) {
  api.on(kCall, {.raw = head(200, "Content-Length: 10\r\n") + "abcd"});
  api.on(kCall, {.raw = head(206, "Content-Length: 5\r\nContent-Range: bytes 4-8/9\r\n") + "efghi"});
  EXPECT_EQ(content().error().code(), Code::corrupt);
}

TEST_F(OpenAiDownloadTest, AFileThatIsAnotherByItsTagIsCorrupt) {
  api.on(kCall, {.raw = head(200, "Content-Length: 10\r\nETag: \"v1\"\r\n") + "abcd"});
  api.on(kCall, {.raw = head(200, "Content-Length: 10\r\nETag: \"v2\"\r\n") + "0123456789"});
  EXPECT_EQ(content().error().code(), Code::corrupt);
}

TEST_F(OpenAiDownloadTest, AnotherPartThanWasAskedForIsCorrupt) {
  api.on(kCall, {.raw = head(200, "Content-Length: 10\r\n") + "abcd"});
  api.on(kCall, {.raw = head(206, "Content-Length: 10\r\nContent-Range: bytes 0-9/10\r\n") + "abcdefghij"});
  EXPECT_EQ(content().error().code(), Code::corrupt);
}

TEST_F(OpenAiDownloadTest, AContentWithoutALengthIsComparedWithTheFilesFacts) {
  api.on(kCall, {.raw = head(200, "Connection: close\r\n") + "abcd"});
  api.on(kCall, {.raw = head(206, "Connection: close\r\nContent-Range: bytes 4-9/10\r\n") + "efghij"});
  api.on("GET /files/file-1", ScriptedOpenAi::json({{"id", "file-1"}, {"bytes", 10}}));
  EXPECT_EQ(must(content()), "abcdefghij") << "the first end was none";
}

TEST_F(OpenAiDownloadTest, AContentWhoseLengthNobodyKnowsEndsWhereItEnds) {
  api.on(kCall, {.raw = head(200, "Connection: close\r\n") + "abcd"});
  EXPECT_EQ(must(content()), "abcd");
}

TEST_F(OpenAiDownloadTest, GivesUpWhereNothingComesAnyMore) {
  api.on(kCall, {.raw = head(200, "Content-Length: 10\r\n") + "abcd"});
  api.on(kCall, {.raw = head(206, "Content-Length: 6\r\nContent-Range: bytes 4-9/10\r\n")});
  const auto broken = content();
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), Code::unavailable);
  EXPECT_EQ(api.requests().size(), 4U) << "the first, and a call with its retries";
}

TEST_F(OpenAiDownloadTest, ReopeningTakesFromTheBudgetOfRetries) {
  api.on(kCall, {.raw = head(200, "Content-Length: 1000\r\n") + "x"});
  for (int at = 1; at < 1000; ++at) {
    api.on(kCall,
           {.raw = head(206, fmt::format("Content-Length: {}\r\nContent-Range: bytes {}-999/1000\r\n", 1000 - at, at)) +
                   "x"});
  }
  const auto broken = content();
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), Code::unavailable);
  EXPECT_LE(api.requests().size(), 202U) << "100, and half a one for each success";
}

TEST_F(OpenAiDownloadTest, AFileThatIsGoneIsNotFound) {
  api.on(kCall, ScriptedOpenAi::refusal(404, "", "No such File object: file-1"));
  EXPECT_EQ(content().error().code(), Code::not_found);
}

TEST_F(OpenAiDownloadTest, ADeletedFileIsDeleted) {
  api.on("DELETE /files/file-1", ScriptedOpenAi::json({{"id", "file-1"}, {"deleted", true}}));
  EXPECT_TRUE(provider.delete_file(ProviderFileId("file-1")));
  api.on("DELETE /files/file-2", ScriptedOpenAi::refusal(404, "", "No such File object: file-2"));
  EXPECT_TRUE(provider.delete_file(ProviderFileId("file-2")));
  api.on("DELETE /files/file-3", ScriptedOpenAi::refusal(401, "", "who are you"));
  EXPECT_EQ(provider.delete_file(ProviderFileId("file-3")).error().code(), Code::permission);
}

}  // namespace
}  // namespace tillite::testing
