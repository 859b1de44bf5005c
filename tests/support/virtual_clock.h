#pragma once

#include <mutex>
#include <vector>

#include "ports/clock.h"

namespace tillite::testing {

/// A clock that stands still until it is moved. sleep() moves it at once: a test waits for nothing.
class VirtualClock final : public Clock {
 public:
  std::int64_t now_ms() override {
    const std::scoped_lock lock(mutex_);
    return now_ms_;
  }
  std::int64_t steady_ms() override { return now_ms(); }
  Result<void> sleep(std::int64_t duration_ms, std::stop_token stop) override {
    if (stop.stop_requested()) return fail(Code::cancelled, "stopped while waiting");
    const std::scoped_lock lock(mutex_);
    slept_ms_.push_back(duration_ms);
    now_ms_ += duration_ms;
    return {};
  }
  void advance(std::int64_t duration_ms) {
    const std::scoped_lock lock(mutex_);
    now_ms_ += duration_ms;
  }
  std::vector<std::int64_t> slept_ms() {
    const std::scoped_lock lock(mutex_);
    return slept_ms_;
  }

 private:
  std::mutex mutex_;
  std::int64_t now_ms_ = 1'760'000'000'000;
  std::vector<std::int64_t> slept_ms_;
};

}  // namespace tillite::testing
