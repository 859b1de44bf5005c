#pragma once

#include <mutex>
#include <random>

#include "ports/clock.h"

namespace tillite::testing {

/// Random bytes that are the same in every run.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed = 1) : engine_(seed) {}
  std::array<std::byte, 16> bytes() override {
    const std::scoped_lock lock(mutex_);
    std::array<std::byte, 16> bytes{};
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(engine_());
    return bytes;
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

}  // namespace tillite::testing
