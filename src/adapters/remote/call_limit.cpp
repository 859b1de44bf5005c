#include "adapters/remote/call_limit.h"

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>

#include "base/check.h"

namespace tillite {

struct CallLimit::State {
  std::size_t calls_max = 1;
  std::mutex mutex;
  std::condition_variable_any changed;
  std::size_t calls = 0;
  std::list<char> queue;  ///< one place for each that waits, the first in front
};

CallLimit::CallLimit(std::size_t calls_max) : state_(std::make_shared<State>()) {
  check(calls_max > 0, "some calls are allowed");
  state_->calls_max = calls_max;
}

Result<CallLimit::Slot> CallLimit::take(const std::stop_token& stop, std::int64_t patience_ms) {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  const auto place = state.queue.insert(state.queue.end(), 0);
  const bool is_free = state.changed.wait_for(lock, stop, std::chrono::milliseconds(patience_ms), [&] {
    return state.queue.begin() == place && state.calls < state.calls_max;
  });
  state.queue.erase(place);
  if (is_free) ++state.calls;
  state.changed.notify_all();  // another one is in front now
  if (is_free) return Slot(state_);
  if (stop.stop_requested()) return fail(Code::cancelled, "stopped while waiting for other calls");
  return fail(Code::unavailable, "{} calls are under way, and none has ended for {} s", state.calls_max,
              patience_ms / 1000);
}

CallLimit::Slot::~Slot() {
  if (!state_) return;
  const std::scoped_lock lock(state_->mutex);
  --state_->calls;
  state_->changed.notify_all();
}

}  // namespace tillite
