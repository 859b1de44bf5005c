#include "lambda/invocation_watch.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>

#include "base/check.h"

namespace tillite {
namespace {

constexpr std::int64_t kMarginMsMin = 500;
constexpr std::int64_t kMarginMsMax = 15'000;
constexpr std::int64_t kMarginShare = 10;
constexpr std::int64_t kMsPerSecond = 1000;
constexpr std::int64_t kNsPerMs = 1'000'000;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Sets a timer to a time since the epoch; 0: to none.
void set_timer(int timer, std::int64_t at_ms) {
  itimerspec at{};
  at.it_value.tv_sec = at_ms / kMsPerSecond;
  at.it_value.tv_nsec = at_ms % kMsPerSecond * kNsPerMs;
  ::timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, nullptr);
}

}  // namespace

InvocationWatch::InvocationWatch() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signals_ = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  // The wall clock's: deadlines are told in its time, and it goes on while Lambda lets the process sleep.
  timer_ = ::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  ended_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  check(signals_ >= 0 && timer_ >= 0 && ended_ >= 0, "a process has room for three descriptors at its beginning");
  thread_ = std::jthread([this] { run(); });
}

InvocationWatch::~InvocationWatch() {
  ::eventfd_write(ended_, 1);
  thread_.join();
  for (const int descriptor : {signals_, timer_, ended_}) ::close(descriptor);
}

void InvocationWatch::run() {
  while (true) {
    std::array<pollfd, 3> waited = {{{ended_, POLLIN, 0}, {signals_, POLLIN, 0}, {timer_, POLLIN, 0}}};
    if (::poll(waited.data(), waited.size(), -1) < 0) continue;
    if (waited[0].revents != 0) return;
    if (waited[1].revents != 0) stop(signals_, StopReason::termination);
    if (waited[2].revents != 0) stop(timer_, StopReason::deadline);
  }
}

void InvocationWatch::stop(int descriptor, StopReason reason) {
  std::stop_source source;
  {
    const std::scoped_lock lock(mutex_);
    // Read under the lock under which the timer is set: what it tells is of the invocation that runs.
    std::array<std::byte, sizeof(signalfd_siginfo)> told{};
    if (::read(descriptor, told.data(), told.size()) <= 0) return;
    // Nothing waits to be written when the process ends here: every line is out as soon as it is logged.
    if (reason == StopReason::termination && (terminated_.exchange(true) || !is_running_)) ::_exit(0);
    if (!is_running_ || reason_ != StopReason::none) return;
    reason_ = reason;
    source = source_;
  }
  source.request_stop();
}

std::stop_token InvocationWatch::begin(std::int64_t deadline_ms) {
  const std::scoped_lock lock(mutex_);
  is_running_ = true;
  reason_ = StopReason::none;
  source_ = std::stop_source();
  if (deadline_ms > 0) set_timer(timer_, std::max<std::int64_t>(deadline_ms - margin_ms(deadline_ms - now_ms()), 1));
  return source_.get_token();
}

StopReason InvocationWatch::end() {
  const std::scoped_lock lock(mutex_);
  set_timer(timer_, 0);
  is_running_ = false;
  return reason_;
}

std::int64_t InvocationWatch::margin_ms(std::int64_t remaining_ms) {
  return std::clamp(remaining_ms / kMarginShare, kMarginMsMin, kMarginMsMax);
}

}  // namespace tillite
