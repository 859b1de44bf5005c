#pragma once

#include <condition_variable>
#include <mutex>

#include "ports/clock.h"

namespace tillite::testing {

/// Time that passes only when a test says so. Sleepers wake up when their time has come.
class StandingClock final : public Clock {
 public:
  std::int64_t now_ms() override {
    const std::scoped_lock lock(mutex_);
    return now_ms_;
  }
  std::int64_t steady_ms() override {
    const std::scoped_lock lock(mutex_);
    return steady_ms_;
  }
  Result<void> sleep(std::int64_t duration_ms, std::stop_token stop) override {
    std::unique_lock lock(mutex_);
    const std::int64_t end_ms = steady_ms_ + duration_ms;
    ++sleepers_;
    changed_.notify_all();
    const bool slept = changed_.wait(lock, stop, [&] { return steady_ms_ >= end_ms; });
    --sleepers_;
    if (!slept) return fail(Code::cancelled, "stopped while waiting");
    return {};
  }

  void advance(std::int64_t duration_ms) {
    const std::scoped_lock lock(mutex_);
    now_ms_ += duration_ms;
    steady_ms_ += duration_ms;
    changed_.notify_all();
  }
  /// The wall clock jumps; durations are not affected.
  void jump(std::int64_t by_ms) {
    const std::scoped_lock lock(mutex_);
    now_ms_ += by_ms;
  }
  /// Returns when somebody sleeps: what was to be done before the sleep is done.
  void wait_for_sleeper() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return sleepers_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::int64_t now_ms_ = 1'700'000'000'000;
  std::int64_t steady_ms_ = 1'000'000;
  int sleepers_ = 0;
};

}  // namespace tillite::testing
