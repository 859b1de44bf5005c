#pragma once

#include "ports/clock.h"

namespace tillite {

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() override;
  [[nodiscard]] std::int64_t steady_ms() override;
  [[nodiscard]] Result<void> sleep(std::int64_t duration_ms, std::stop_token stop) override;
};

/// The kernel's random numbers.
class SystemRandom final : public Random {
 public:
  [[nodiscard]] std::array<std::byte, 16> bytes() override;
};

}  // namespace tillite
