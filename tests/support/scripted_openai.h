#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "adapters/openai/openai_client.h"
#include "support/http_server.h"
#include "support/seeded_random.h"
#include "support/temp_folder.h"
#include "support/virtual_clock.h"

namespace tillite::testing {

/// A server in OpenAI's place whose answers a test writes, and a client of it under a virtual clock: no test waits.
class ScriptedOpenAi {
 public:
  using Answer = HttpServer::Answer;

  /// The next answer to "GET /batches/batch_1" (below the base URL, without a query); the last one stays.
  void on(const std::string& call, Answer answer) {
    const std::scoped_lock lock(mutex_);
    answers_[call].push_back(std::move(answer));
  }
  [[nodiscard]] std::vector<HttpServer::Request> requests() { return server_.requests(); }
  /// How often a call came.
  [[nodiscard]] std::size_t count(const std::string& call) {
    return static_cast<std::size_t>(
        std::ranges::count_if(requests(), [&](const auto& request) { return call_of(request) == call; }));
  }

  [[nodiscard]] OpenAiSettings settings() const {
    OpenAiSettings settings;
    settings.base_url = server_.url("/v1");
    settings.api_key = Secret(std::string(kKey));
    settings.scratch = folder_.path();
    settings.retries = {.attempts_max = 3, .first_pause_ms = 100, .pause_ms_max = 1000};
    return settings;
  }
  [[nodiscard]] OpenAiClient client(OpenAiSettings settings, Logger log = Logger::none(), std::stop_token stop = {}) {
    return OpenAiClient(std::move(settings), clock, random, std::move(log), std::move(stop));
  }

  /// {"error": {...}} as OpenAI has it.
  static Answer refusal(int status, const std::string& code, const std::string& message,
                        std::vector<std::string> headers = {}) {
    const Json error = {{"message", message}, {"type", "some_error"}, {"param", nullptr}, {"code", code}};
    return {.status = status, .headers = std::move(headers), .body = to_text({{"error", error}})};
  }
  static Answer json(const Json& body) { return {.body = to_text(body)}; }
  static Json batch(const std::string& id, const std::string& status = "in_progress") {
    return {{"id", id}, {"object", "batch"}, {"input_file_id", "file-in"}, {"status", status}};
  }

  static constexpr std::string_view kKey = "sk-test-0123456789abcdefghij";
  VirtualClock clock;
  SeededRandom random;

 private:
  static std::string call_of(const HttpServer::Request& request) {
    const std::string target = request.target.substr(0, request.target.find('?'));
    return request.method + " " + (target.starts_with("/v1") ? target.substr(3) : target);
  }
  Answer answer(const HttpServer::Request& request) {
    const std::scoped_lock lock(mutex_);
    auto& answers = answers_[call_of(request)];
    if (answers.empty()) return refusal(404, "not_scripted", "no answer is written for this");
    Answer next = answers.front();
    if (answers.size() > 1) answers.pop_front();
    return next;
  }

  TempFolder folder_;
  std::mutex mutex_;
  std::map<std::string, std::deque<Answer>> answers_;
  HttpServer server_{[this](const HttpServer::Request& request) { return answer(request); }};
};

}  // namespace tillite::testing
