#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

namespace tillite {

/// Time for what must still be done behind a stop: another stop that is requested when it is over, unless this object
/// goes before. What clears up takes this token in place of the one that ended the work, so that all of it together
/// keeps nobody waiting.
class GraceTime {
 public:
  explicit GraceTime(std::chrono::milliseconds time, std::stop_source over = std::stop_source())
      : over_(std::move(over)), timer_([this, time](const std::stop_token& end) {
          std::unique_lock lock(mutex_);
          never_.wait_for(lock, end, time, [] { return false; });
          if (!end.stop_requested()) over_.request_stop();
        }) {}

  [[nodiscard]] std::stop_token token() const { return over_.get_token(); }

 private:
  std::stop_source over_;
  std::mutex mutex_;
  std::condition_variable_any never_;
  std::jthread timer_;  // the last member: it uses the others
};

/// A stop that follows another one when its grace time is over: for what a worker needs to end tidily.
class LateStop {
 public:
  LateStop(const std::stop_token& first, std::chrono::milliseconds grace)
      : begin_(first, [this, grace] { grace_.emplace(grace, late_); }) {}

  [[nodiscard]] std::stop_token token() const { return late_.get_token(); }

 private:
  std::stop_source late_;
  std::optional<GraceTime> grace_;
  std::stop_callback<std::function<void()>> begin_;  // the last member: it uses the others
};

}  // namespace tillite
