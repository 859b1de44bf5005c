#pragma once

#include <stop_token>
#include <thread>

namespace tillite {

/// Turns Ctrl-C and SIGTERM into a stop request. Make it before any other thread: the signals are blocked for all
/// threads and taken by one of its own. A second signal ends the program at once.
class Interrupt {
 public:
  Interrupt();
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread waiter_;
};

}  // namespace tillite
