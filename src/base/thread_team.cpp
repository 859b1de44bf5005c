#include "base/thread_team.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace tillite {
namespace {

// About what it takes to fall asleep and to be woken. What a thread waits for is often nearer than that.
constexpr std::chrono::microseconds kAwake{50};

/// Waits for a while without falling asleep.
template <typename HasCome>
void look_for(const HasCome& has_come) {
  for (const auto end = std::chrono::steady_clock::now() + kAwake; !has_come();) {
    if (std::chrono::steady_clock::now() >= end) return;
  }
}

}  // namespace

ThreadTeam::ThreadTeam(std::size_t threads) : threads_(threads) { check(threads > 0, "a team has a thread"); }

ThreadTeam::~ThreadTeam() {
  ends_ = true;
  ++round_;
  round_.notify_all();
}

void ThreadTeam::for_each(std::size_t count,
                          const std::function<void(std::size_t i, std::size_t member)>& work) noexcept {
  if (threads_ == 1 || count < 2) {
    for (std::size_t i = 0; i < count; ++i) work(i, 0);
    return;
  }
  if (others_.empty()) start();
  loop_ = {count, &work};
  next_ = 0;
  busy_ = static_cast<std::uint32_t>(others_.size());
  ++round_;
  round_.notify_all();
  share(0);
  look_for([&] { return busy_ == 0; });
  for (std::uint32_t busy = busy_; busy > 0; busy = busy_) busy_.wait(busy);
}

void ThreadTeam::start() {
  for (std::size_t member = 1; member < threads_; ++member) others_.emplace_back([this, member] { serve(member); });
}

void ThreadTeam::serve(std::size_t member) {
  for (std::uint32_t seen = 0;;) {
    look_for([&] { return round_ != seen; });
    round_.wait(seen);
    seen = round_;
    if (ends_) return;
    share(member);
    if (--busy_ == 0) busy_.notify_one();
  }
}

/// Takes parts of the loop, the smaller the less is left of it: few fetches, and all threads end at about the same
/// time.
void ThreadTeam::share(std::size_t member) const {
  for (std::size_t begin = next_; begin < loop_.count;) {
    const std::size_t part = std::max((loop_.count - begin) / (threads_ * 4), std::size_t{1});
    if (!next_.compare_exchange_weak(begin, begin + part)) continue;
    for (std::size_t i = begin; i < begin + part; ++i) (*loop_.work)(i, member);
    begin = next_;
  }
}

}  // namespace tillite
