#include "server/long_polls.h"

#include <chrono>

namespace tillite {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

LongPolls::LongPolls() : thread_([this](const std::stop_token& stop) { run(stop); }) {}

LongPolls::~LongPolls() { stop(); }

void LongPolls::add(std::int64_t wait_ms, Attempt attempt) {
  const Time until = steady_clock::now() + milliseconds(wait_ms);
  {
    const std::scoped_lock lock(mutex_);
    if (stopped_) wait_ms = 0;
  }
  if (attempt(wait_ms <= 0)) return;
  {
    const std::scoped_lock lock(mutex_);
    if (!stopped_) {
      polls_.push_back({until, std::move(attempt)});
      woken_ = true;
      changed_.notify_one();
      return;
    }
  }
  attempt(true);
}

void LongPolls::wake() {
  const std::scoped_lock lock(mutex_);
  woken_ = true;
  changed_.notify_one();
}

void LongPolls::stop() {
  {
    const std::scoped_lock lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
  }
  thread_.request_stop();
  thread_.join();
  try_all(true);
}

void LongPolls::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      const auto woken = [&] { return woken_; };
      if (polls_.empty()) {
        changed_.wait(lock, stop, woken);
      } else {
        changed_.wait_for(lock, stop, milliseconds(kLookEveryMs), woken);
      }
      woken_ = false;
    }
    if (!stop.stop_requested()) try_all(false);
  }
}

void LongPolls::try_all(bool is_last) {
  std::list<Poll> polls;
  {
    const std::scoped_lock lock(mutex_);
    polls.swap(polls_);
  }
  const Time now = steady_clock::now();
  std::erase_if(polls, [&](Poll& poll) { return poll.attempt(is_last || poll.until <= now); });
  const std::scoped_lock lock(mutex_);
  polls_.splice(polls_.begin(), polls);  // before those that came meanwhile
}

}  // namespace tillite
