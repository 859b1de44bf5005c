#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tillite {

/// Names and values, in their order. Names differ in more than their case.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< http or https
  HttpHeaders headers;
  std::string body;
  std::int64_t connect_timeout_ms = 10'000;
  std::int64_t timeout_ms = 60'000;  ///< of the whole request; 0: none
  std::uint64_t response_bytes_max = std::uint64_t{64} << 20;
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;  ///< names in lower case
  std::string body;

  [[nodiscard]] bool is_success() const { return status >= 200 && status < 300; }
  /// The first header of that name (in lower case).
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
};

/// Sends requests and waits for their answers. Connections are kept and used again. A redirect is an answer, not
/// followed. Proxies are those of the environment (http_proxy, https_proxy, all_proxy, no_proxy).
///
/// Threads: any, each call has a connection of its own while it lasts.
class HttpClient {
 public:
  struct Settings {
    std::string user_agent = "tillite";
    /// File of the certificates that are trusted (SSL_CERT_FILE), in place of the system's; empty: those.
    std::string certificates_file;
  };

  HttpClient() : HttpClient(Settings()) {}
  explicit HttpClient(Settings settings);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  /// Any answer of a server is a success here, whatever its status. Errors: `invalid_input` (URL, method, headers),
  /// `unavailable` (no connection, or it broke: the server may have seen the request), `timed_out`, `permission` (the
  /// server's certificate is not trusted), `limit_exceeded` (a larger answer), `cancelled` as soon as `stop` is
  /// requested. They name method and URL, without a query and a password.
  [[nodiscard]] Result<HttpResponse> send(const HttpRequest& request, const std::stop_token& stop = {});

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
