#pragma once

#include <chrono>
#include <fstream>
#include <string>

#include "base/heap.h"
#include "base/sqlite.h"

namespace tillite::bench {

[[nodiscard]] inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// What `tillite` does at its beginning.
inline void set_up_as_the_program() {
  set_up_heap();
  stop_counting_sqlite_memory();
}

/// Of this process so far, mapped files included; what its parent held before it was started is not counted.
[[nodiscard]] inline long peak_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stol(line.substr(6)) / 1024;
  }
  return 0;
}

}  // namespace tillite::bench
