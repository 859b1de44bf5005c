#pragma once

#include <array>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "support/loopback.h"

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

  explicit FaultyProxy(int port) : target_(port) {}
  FaultyProxy(const FaultyProxy&) = delete;
  FaultyProxy& operator=(const FaultyProxy&) = delete;
  ~FaultyProxy() {
    listener_.stop();
    {
      const std::scoped_lock lock(mutex_);
      for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
    }
    threads_.clear();
    for (const int socket : open_) ::close(socket);
  }

  [[nodiscard]] int port() const { return listener_.port(); }
  /// Of the next connection that has none yet.
  void break_next(Fault fault) {
    const std::scoped_lock lock(mutex_);
    faults_.push_back(fault);
  }

 private:
  void take(int client) {
    const int server = new_socket();
    connect_to(server, target_);
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
  std::mutex mutex_;
  std::deque<Fault> faults_;
  std::vector<int> open_;
  std::vector<std::jthread> threads_;
  LoopbackListener listener_{[this](int client) { take(client); }};  // the last member: it uses the others
};

}  // namespace tillite::testing
