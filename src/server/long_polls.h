#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <stop_token>
#include <thread>

namespace tillite {

/// Requests that wait for something to come, all on one thread: each is tried whenever wake() says that something
/// came, and every 100 ms, since another process may have brought it. Threads: any.
class LongPolls {
 public:
  static constexpr std::int64_t kLookEveryMs = 100;

  /// Answers if it can; it must if this is the last time. Whether it has answered.
  using Attempt = std::move_only_function<bool(bool is_last)>;

  LongPolls();
  LongPolls(const LongPolls&) = delete;
  LongPolls& operator=(const LongPolls&) = delete;
  /// Each that still waits is tried for the last time.
  ~LongPolls();

  /// Tried at once, on the caller's thread, and then for up to `wait_ms`.
  void add(std::int64_t wait_ms, Attempt attempt);
  void wake();
  /// All that wait are tried for the last time, and so is each that is added from here on.
  void stop();

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Poll {
    Time until;
    Attempt attempt;
  };
  void run(const std::stop_token& stop);
  void try_all(bool is_last);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;
  bool stopped_ = false;
  std::list<Poll> polls_;
  std::jthread thread_;  // the last member: it uses the others
};

}  // namespace tillite
