#pragma once

#include <sys/resource.h>

#include <chrono>

namespace tillite::bench {

[[nodiscard]] inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Of this process so far, mapped files included.
[[nodiscard]] inline long peak_mb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

}  // namespace tillite::bench
