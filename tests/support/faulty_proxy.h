#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace tillite::testing {

/// Stands between a client and a server on the loopback, hands on what both say, and breaks the connections that a test
/// names: after so many bytes to the server, or back to the client.
class FaultyProxy {
 public:
  struct Fault {
    std::optional<std::size_t> request_bytes = {};   ///< what the server gets at most
    std::optional<std::size_t> response_bytes = {};  ///< what the client gets at most
    bool stalls = false;                             ///< nothing more comes, but the connection stays open
  };

  explicit FaultyProxy(int port) : target_(port), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(listener_, 64);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this] { accept_all(); });
  }
  FaultyProxy(const FaultyProxy&) = delete;
  FaultyProxy& operator=(const FaultyProxy&) = delete;
  ~FaultyProxy() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::scoped_lock lock(mutex_);
      for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
    }
    threads_.clear();
    for (const int socket : open_) ::close(socket);
    ::close(listener_);
  }

  [[nodiscard]] int port() const { return port_; }
  /// Of the next connection that has none yet.
  void break_next(Fault fault) {
    const std::scoped_lock lock(mutex_);
    faults_.push_back(fault);
  }

 private:
  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  void accept_all() {
    while (true) {
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_in address = loopback(target_);
      ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address);
      const std::scoped_lock lock(mutex_);
      Fault fault;
      if (!faults_.empty()) {
        fault = faults_.front();
        faults_.pop_front();
      }
      open_.insert(open_.end(), {client, server});
      threads_.emplace_back([=] { hand_on(client, server, fault.request_bytes, fault.stalls); });
      threads_.emplace_back([=] { hand_on(server, client, fault.response_bytes, fault.stalls); });
    }
  }

  /// Until one side ends, or `bytes_max` have passed.
  static void hand_on(int from, int to, std::optional<std::size_t> bytes_max, bool stalls) {
    std::array<char, 16'384> buffer{};
    std::size_t passed = 0;
    while (true) {
      const ssize_t got = ::recv(from, buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      auto count = static_cast<std::size_t>(got);
      const bool breaks = bytes_max && passed + count > *bytes_max;
      if (breaks) count = *bytes_max - passed;
      passed += count;
      if (::send(to, buffer.data(), count, MSG_NOSIGNAL) < 0) break;
      if (breaks && stalls) return;
      if (breaks) break;
    }
    ::shutdown(from, SHUT_RDWR);
    ::shutdown(to, SHUT_RDWR);
  }

  int target_;
  int listener_;
  int port_ = 0;
  std::mutex mutex_;
  std::deque<Fault> faults_;
  std::vector<int> open_;
  std::vector<std::jthread> threads_;
  std::jthread acceptor_;
};

}  // namespace tillite::testing
