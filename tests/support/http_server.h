#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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

  explicit HttpServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(listener_, 64);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this] { accept_all(); });
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::scoped_lock lock(mutex_);
      for (const int connection : open_) ::shutdown(connection, SHUT_RDWR);
    }
    threads_.clear();
    ::close(listener_);
  }

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& target = "/") const {
    return fmt::format("http://127.0.0.1:{}{}", port_, target);
  }
  [[nodiscard]] int connections() const { return connections_; }
  /// All requests so far.
  [[nodiscard]] std::vector<Request> requests() {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }

 private:
  void accept_all() {
    while (true) {
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
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
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<Request> requests_;
  std::vector<std::jthread> threads_;
  std::jthread acceptor_;
};

}  // namespace tillite::testing
