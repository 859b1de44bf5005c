#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

namespace tillite {

/// How long something took, for logs only: what decides anything asks a Clock.
class Stopwatch {
 public:
  /// Milliseconds since the last lap, or since the start.
  [[nodiscard]] std::int64_t lap_ms() {
    const auto now = std::chrono::steady_clock::now();
    const auto passed = now - std::exchange(lap_, now);
    return std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
  }

 private:
  std::chrono::steady_clock::time_point lap_ = std::chrono::steady_clock::now();
};

}  // namespace tillite
