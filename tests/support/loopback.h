#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>

#include "base/file.h"

namespace tillite::testing {

[[nodiscard]] inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

[[nodiscard]] inline int new_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

/// Whether the socket could be connected to that port of this machine.
inline bool connect_to(int socket, int port) {
  const sockaddr_in address = loopback(port);
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

/// Gives a socket a free port of the loopback: which; negative if there is none.
inline int bind_to_free_port(int socket) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool is_bound = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                        ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  return is_bound ? ntohs(address.sin_port) : -1;
}

/// A port of the loopback that was free a moment ago, for a server that is told which to take.
[[nodiscard]] inline Result<int> free_port() {
  const int socket = new_socket();
  const int port = bind_to_free_port(socket);
  const int error = errno;
  ::close(socket);
  if (port < 0) return std::unexpected(system_error(error, "looking for a free port", {}));
  return port;
}

/// Listens on a free port of the loopback until stop(). `on_connection` gets each connection, from one thread, and
/// closes it.
class LoopbackListener {
 public:
  explicit LoopbackListener(std::function<void(int connection)> on_connection)
      : on_connection_(std::move(on_connection)), socket_(new_socket()), port_(bind_to_free_port(socket_)) {
    ::listen(socket_, 64);
    thread_ = std::jthread([this] {
      for (int connection = 0; (connection = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
        on_connection_(connection);
      }
    });
  }
  LoopbackListener(const LoopbackListener&) = delete;
  LoopbackListener& operator=(const LoopbackListener&) = delete;
  ~LoopbackListener() {
    stop();
    ::close(socket_);
  }

  [[nodiscard]] int port() const { return port_; }
  /// No connection comes after this.
  void stop() {
    ::shutdown(socket_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::function<void(int connection)> on_connection_;
  int socket_;
  int port_;
  std::jthread thread_;
};

}  // namespace tillite::testing
