#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"

namespace tillite {

/// Names and values, in their order. Names differ in more than their case.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< http or https; its path is sent as it stands here, "." and ".." too
  HttpHeaders headers;
  const Secret* bearer = nullptr;  ///< sent as "Authorization: Bearer ..."; not to proxies of https
  std::string body;
  ByteSource* body_source = nullptr;  ///< in place of `body`, read while it is sent: body_bytes of it
  std::uint64_t body_bytes = 0;
  std::int64_t connect_timeout_ms = 10'000;
  std::int64_t idle_timeout_ms = 0;  ///< without a byte sent or received, while the caller waits; 0: none
  std::int64_t timeout_ms = 60'000;  ///< of the whole request; 0: none
  std::uint64_t response_bytes_max = std::uint64_t{64} << 20;
  /// Not on a connection that was kept. On such a one the request is sent again, whatever it is, if the server closed
  /// the connection instead of answering; it may have done what it was asked to nevertheless.
  bool fresh_connection = false;
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;  ///< names in lower case
  std::string body;

  [[nodiscard]] bool is_success() const { return status >= 200 && status < 300; }
  /// The first header of that name (in lower case).
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
};

/// An answer whose body is read as it arrives, in bounded memory. It holds its connection until it goes; if the body
/// was not read to its end the connection is closed. It may outlive its client. One thread at a time.
class HttpStream final : public ByteSource {
 public:
  class Exchange;
  explicit HttpStream(std::unique_ptr<Exchange> exchange);
  ~HttpStream() override;

  /// Status and headers; the body is empty.
  [[nodiscard]] const HttpResponse& response() const;
  /// Errors: as HttpClient::send. A body that ends before its Content-Length is `unavailable`.
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> buffer) override;

 private:
  std::unique_ptr<Exchange> exchange_;
};

/// Whether an address of http or https can be called at all: its host, its port and the rest are well formed.
[[nodiscard]] bool is_http_url(const std::string& url);

/// Sends requests in HTTP/1.1 and waits for their answers. Connections are kept and used again. A redirect is an
/// answer, not followed. Proxies are those of the environment (http_proxy, https_proxy, all_proxy, no_proxy).
///
/// Threads: any, each call has a connection of its own while it lasts.
class HttpClient {
 public:
  struct Settings {
    std::string user_agent = "tillite";
    /// File of the certificates that are trusted (SSL_CERT_FILE), in place of the system's; empty: those
    /// (trusted_certificates_file).
    std::string certificates_file;
    /// False: the environment's proxies are passed by, for addresses that exist on this machine's own link only.
    bool uses_proxies = true;
  };

  HttpClient() : HttpClient(Settings()) {}
  explicit HttpClient(Settings settings);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  /// Any answer of a server is a success here, whatever its status. Errors: `invalid_input` (URL, method, headers),
  /// `unavailable` (no connection, or it broke: the server may have seen the request), `timed_out`, `permission` (the
  /// server's certificate is not trusted), `limit_exceeded` (a larger answer), `cancelled` as soon as `stop` is
  /// requested, and what reading `body_source` comes to. They name method and URL, without a query and a password.
  [[nodiscard]] Result<HttpResponse> send(const HttpRequest& request, const std::stop_token& stop = {});

  /// The same up to the first byte of the body: the rest is the caller's to read. `response_bytes_max` is of the whole
  /// body, `timeout_ms` includes the caller's time; `stop` counts until the stream goes, and so does `bearer`. Without
  /// a `body_source`.
  [[nodiscard]] Result<std::unique_ptr<HttpStream>> open(HttpRequest request, std::stop_token stop = {});

 private:
  friend HttpStream::Exchange;
  struct Parts;
  std::shared_ptr<Parts> parts_;
};

}  // namespace tillite
