#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/http_client.h"
#include "support/http_server.h"

namespace tillite::testing {

/// Stands between a client and a server, and loses or replaces what a test says. Calls come from several threads.
class ForwardingServer {
 public:
  struct Faults {
    /// What is answered in place of the server, which is not asked.
    std::function<std::optional<HttpServer::Answer>(const HttpServer::Request&)> before = [](const auto&) {
      return std::optional<HttpServer::Answer>();
    };
    /// Whether the connection is cut after the server has done what it was asked for.
    std::function<bool(const HttpServer::Request&)> loses_answer = [](const auto&) { return false; };
  };
  ForwardingServer(std::string origin, Faults faults) : origin_(std::move(origin)), faults_(std::move(faults)) {}

  [[nodiscard]] std::string origin() const { return fmt::format("http://127.0.0.1:{}", server_.port()); }

 private:
  HttpServer::Answer answer(const HttpServer::Request& request) {
    if (auto instead = faults_.before(request)) return *std::move(instead);
    HttpRequest forwarded{.method = request.method, .url = origin_ + request.target, .body = request.body};
    for (const auto& [name, value] : request.headers) {
      if (name != "host" && name != "content-length") forwarded.headers.emplace_back(name, value);
    }
    const auto answer = client_.send(forwarded);
    if (!answer || faults_.loses_answer(request)) return {.raw = ""};
    return {.status = answer->status, .body = answer->body};
  }

  std::string origin_;
  Faults faults_;
  HttpClient client_;
  HttpServer server_{[this](const HttpServer::Request& request) { return answer(request); }};
};

}  // namespace tillite::testing
