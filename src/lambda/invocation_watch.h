#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <thread>

namespace tillite {

/// Why an invocation was told to stop.
enum class StopReason { none, deadline, termination };

/// Tells invocations to end before they are ended: some time before their deadline, or when Lambda takes the whole
/// process away (SIGTERM). Make it before any other thread: the signal is blocked for all threads and taken by one of
/// its own. While no invocation runs SIGTERM ends the process at once, with status 0; a second one always does.
class InvocationWatch {
 public:
  InvocationWatch();
  InvocationWatch(const InvocationWatch&) = delete;
  InvocationWatch& operator=(const InvocationWatch&) = delete;
  ~InvocationWatch();

  /// An invocation begins, which has to be at its end at `deadline_ms` since the epoch (0: whenever it is). The token's
  /// stop is requested margin_ms() before that.
  [[nodiscard]] std::stop_token begin(std::int64_t deadline_ms);
  /// It has ended. The answer: why it was told to, if it was.
  StopReason end();
  /// Whether the process is to end.
  [[nodiscard]] bool is_terminated() const { return terminated_; }

  /// What a step gets to stop in: a tenth of the time that it has, from half a second to 15 seconds.
  [[nodiscard]] static std::int64_t margin_ms(std::int64_t remaining_ms);

 private:
  void run();
  void stop(int descriptor, StopReason reason);

  int signals_ = -1;
  int timer_ = -1;
  int ended_ = -1;
  std::atomic<bool> terminated_ = false;
  std::mutex mutex_;
  bool is_running_ = false;
  StopReason reason_ = StopReason::none;
  std::stop_source source_;
  std::jthread thread_;  // the last member: it uses the others
};

}  // namespace tillite
