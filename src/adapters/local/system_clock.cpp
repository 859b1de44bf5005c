#include "adapters/local/system_clock.h"

#include <sys/random.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/check.h"

namespace tillite {

std::int64_t SystemClock::now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t SystemClock::steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Result<void> SystemClock::sleep(std::int64_t duration_ms, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, std::chrono::milliseconds(duration_ms), [] { return false; });
  if (stop.stop_requested()) return fail(Code::cancelled, "stopped while waiting");
  return {};
}

std::array<std::byte, 16> SystemRandom::bytes() {
  std::array<std::byte, 16> bytes{};
  check(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
        "the kernel has random numbers");
  return bytes;
}

}  // namespace tillite
