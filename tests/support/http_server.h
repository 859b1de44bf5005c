#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/loopback.h"

namespace tillite::testing {

/// A server for tests, on a free port of the loopback: answers each request as the test says.
class HttpServer {
 public:
  struct Request {
    std::string method;
    std::string target;
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;
  };
  struct Answer {
    int status = 200;
    std::vector<std::string> headers = {};  ///< "Name: value"
    std::string body = {};
    std::optional<std::string> raw = {};  ///< these bytes and the end of the connection, in place of all that
  };
  /// May wait, until the server ends at most: called from a thread of each connection.
  using Handler = std::function<Answer(const Request&)>;

  explicit HttpServer(Handler handler) : handler_(std::move(handler)) {}
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer() {
    listener_.stop();
    {
      const std::scoped_lock lock(mutex_);
      for (const int connection : open_) ::shutdown(connection, SHUT_RDWR);
    }
    threads_.clear();
  }

  [[nodiscard]] int port() const { return listener_.port(); }
  [[nodiscard]] std::string url(const std::string& target = "/") const {
    return fmt::format("http://127.0.0.1:{}{}", port(), target);
  }
  [[nodiscard]] int connections() const { return connections_; }
  /// All requests so far.
  [[nodiscard]] std::vector<Request> requests() {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }

 private:
  void take(int connection) {
    ++connections_;
    const std::scoped_lock lock(mutex_);
    open_.push_back(connection);
    threads_.emplace_back([this, connection] {
      serve(connection);
      const std::scoped_lock closing(mutex_);
      std::erase(open_, connection);
      ::close(connection);
    });
  }

  void serve(int connection) {
    std::string received;
    while (const auto request = read_request(connection, received)) {
      {
        const std::scoped_lock lock(mutex_);
        requests_.push_back(*request);
      }
      const Answer answer = handler_(*request);
      if (answer.raw) {
        send_all(connection, *answer.raw);
        return;
      }
      std::string text = fmt::format("HTTP/1.1 {} Said\r\nContent-Length: {}\r\n", answer.status, answer.body.size());
      for (const std::string& header : answer.headers) text += header + "\r\n";
      text += "\r\n";
      if (request->method != "HEAD") text += answer.body;
      if (!send_all(connection, text)) return;
    }
  }

  static bool send_all(int connection, std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  static bool read_more(int connection, std::string& received) {
    char buffer[16'384];
    const ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    received.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  static std::optional<Request> read_request(int connection, std::string& received) {
    std::size_t end = 0;
    while ((end = received.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more(connection, received)) return std::nullopt;
    }
    Request request;
    const std::string head = received.substr(0, end + 2);
    const auto first_blank = head.find(' ');
    const auto second_blank = head.find(' ', first_blank + 1);
    request.method = head.substr(0, first_blank);
    request.target = head.substr(first_blank + 1, second_blank - first_blank - 1);
    for (std::size_t begin = head.find("\r\n") + 2; begin < head.size();) {
      const auto line_end = head.find("\r\n", begin);
      const auto colon = head.find(':', begin);
      std::string name = head.substr(begin, colon - begin);
      std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
      const auto value = head.find_first_not_of(' ', colon + 1);
      request.headers[name] = head.substr(value, line_end - value);
      begin = line_end + 2;
    }
    std::size_t length = 0;
    if (const auto header = request.headers.find("content-length"); header != request.headers.end()) {
      std::from_chars(header->second.data(), header->second.data() + header->second.size(), length);
    }
    received.erase(0, end + 4);
    while (received.size() < length) {
      if (!read_more(connection, received)) return std::nullopt;
    }
    request.body = received.substr(0, length);
    received.erase(0, length);
    return request;
  }

  Handler handler_;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<Request> requests_;
  std::vector<std::jthread> threads_;
  LoopbackListener listener_{[this](int connection) { take(connection); }};  // the last member: it uses the others
};

}  // namespace tillite::testing
