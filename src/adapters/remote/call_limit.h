#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>

#include "base/result.h"

namespace tillite {

/// At most so many calls at once; who asked first is first. Threads: any.
class CallLimit {
 public:
  explicit CallLimit(std::size_t calls_max);

  /// Leave to make one call, given back when it goes. It may outlive the limit.
  class Slot;

  /// Waits for a slot. `cancelled` when `stop` is requested, `unavailable` if none was free for `patience_ms`.
  [[nodiscard]] Result<Slot> take(const std::stop_token& stop, std::int64_t patience_ms);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

class CallLimit::Slot {
 public:
  Slot() = default;
  explicit Slot(std::shared_ptr<State> state) : state_(std::move(state)) {}
  Slot(Slot&& other) noexcept : state_(std::move(other.state_)) {}
  Slot& operator=(Slot&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot();

 private:
  std::shared_ptr<State> state_;
};

}  // namespace tillite
