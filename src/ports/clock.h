#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stop_token>

#include "base/result.h"

namespace tillite {

/// Time. Threads: any.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Milliseconds since the epoch, UTC. May jump.
  [[nodiscard]] virtual std::int64_t now_ms() = 0;
  /// Milliseconds of a clock that never jumps and means nothing outside this process.
  [[nodiscard]] virtual std::int64_t steady_ms() = 0;
  /// Sleeps; `cancelled` as soon as `stop` is requested.
  [[nodiscard]] virtual Result<void> sleep(std::int64_t duration_ms, std::stop_token stop) = 0;
};

/// Randomness: ids, nonces, jitter. Threads: any.
class Random {
 public:
  virtual ~Random() = default;
  [[nodiscard]] virtual std::array<std::byte, 16> bytes() = 0;
};

/// A number in [0, 1).
[[nodiscard]] double unit_interval(Random& random);

}  // namespace tillite
