#pragma once

#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "base/http_server.h"
#include "support/loopback.h"

namespace tillite::testing {

/// One connection to a server on this machine, and the bytes that go over it.
class RawHttpClient {
 public:
  explicit RawHttpClient(std::uint16_t port) : is_connected_(connect_to(socket_, port)) {}
  RawHttpClient(const RawHttpClient&) = delete;
  RawHttpClient& operator=(const RawHttpClient&) = delete;
  ~RawHttpClient() { hang_up(); }

  [[nodiscard]] bool is_connected() const { return is_connected_; }

  /// Whether all could be sent.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// A request that nothing is wrong with.
  bool post(std::string_view target, std::string_view body, std::string_view more_fields = "") const {
    return send(fmt::format("POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}Content-Length: {}\r\n\r\n{}", target,
                            more_fields, body.size(), body));
  }

  /// The next response; status 0 if the server hung up instead.
  ServerResponse response() {
    while (received_.find("\r\n\r\n") == std::string::npos) {
      if (!receive()) return {.status = 0};
    }
    const std::size_t end = received_.find("\r\n\r\n") + 4;
    const std::string head = received_.substr(0, end);
    ServerResponse response{.status = static_cast<unsigned>(number_after(head, " "))};
    if (response.status == 100) {
      received_.erase(0, end);
      return response;
    }
    const std::size_t size = number_after(head, "Content-Length: ");
    while (received_.size() < end + size) {
      if (!receive()) return {.status = 0};
    }
    response.body = received_.substr(end, size);
    response.fields.push_back({"head", head});
    received_.erase(0, end + size);
    return response;
  }

  /// Whether the server hangs up without another byte.
  bool is_hung_up() { return received_.empty() && !receive(); }

  void hang_up() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

 private:
  static std::size_t number_after(std::string_view text, std::string_view mark) {
    std::size_t number = 0;
    const std::size_t at = text.find(mark);
    if (at != std::string_view::npos) {
      std::from_chars(text.data() + at + mark.size(), text.data() + text.size(), number);
    }
    return number;
  }

  bool receive() {
    std::array<char, 1 << 14> buffer{};
    const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    received_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }

  int socket_ = new_socket();
  bool is_connected_;
  std::string received_;
};

}  // namespace tillite::testing
