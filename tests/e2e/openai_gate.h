#pragma once

#include <atomic>
#include <functional>

#include "base/http_client.h"
#include "support/http_server.h"
#include "support/must.h"

namespace tillite::testing {

/// Stands between a program and the provider, and lets the test in between any two of its calls.
class OpenAiGate {
 public:
  struct Call {
    int number = 0;         ///< from 0
    std::string operation;  ///< "POST /v1/batches"
    std::string body;       ///< of the request
  };
  /// Before a call is passed on; an answer in place of the provider's, if any.
  std::function<std::optional<HttpServer::Answer>(const Call&)> before = [](const Call&) { return std::nullopt; };
  /// When the provider has done what was asked, and its answer is not passed on yet.
  std::function<void(const Call&, HttpServer::Answer&)> after = [](const Call&, HttpServer::Answer&) {};

  explicit OpenAiGate(std::string provider) : provider_(std::move(provider)) {}

  [[nodiscard]] std::string url() const { return server_.url(""); }
  [[nodiscard]] int calls() const { return calls_; }

 private:
  HttpServer::Answer pass(const HttpServer::Request& request) {
    const Call call{.number = calls_++, .operation = request.method + " " + request.target, .body = request.body};
    if (auto instead = before(call)) return *std::move(instead);
    HttpHeaders headers;
    for (const auto& [name, value] : request.headers) {
      if (name == "authorization" || name == "content-type" || name == "range") headers.emplace_back(name, value);
    }
    const auto answered = client_.send(
        {.method = request.method, .url = provider_ + request.target, .headers = headers, .body = request.body});
    if (!answered) return {.raw = ""};
    HttpServer::Answer answer{.status = answered->status, .body = answered->body};
    for (const auto& [name, value] : answered->headers) {
      if (name != "content-length" && name != "connection" && name != "transfer-encoding") {
        answer.headers.push_back(fmt::format("{}: {}", name, value));
      }
    }
    after(call, answer);
    return answer;
  }

  std::string provider_;
  HttpClient client_;
  std::atomic<int> calls_ = 0;
  HttpServer server_{[this](const HttpServer::Request& request) { return pass(request); }};
};

}  // namespace tillite::testing
