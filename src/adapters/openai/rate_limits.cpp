#include "adapters/openai/rate_limits.h"

#include <algorithm>

#include "adapters/remote/retries.h"

namespace tillite {

void RateLimits::note(const std::string& group, const HttpResponse& response) {
  for (const std::string kind : {"requests", "tokens"}) {
    if (response.header("x-ratelimit-remaining-" + kind) != "0") continue;
    const auto reset = response.header("x-ratelimit-reset-" + kind);
    const auto pause_ms = reset ? parse_wait_ms(*reset) : std::nullopt;
    if (pause_ms) pause(group, *pause_ms);
  }
}

void RateLimits::pause(const std::string& group, std::int64_t pause_ms) {
  const std::scoped_lock lock(mutex_);
  std::int64_t& until_ms = until_ms_[group];
  until_ms = std::max(until_ms, clock_.steady_ms() + std::min(pause_ms, pause_ms_max_));
}

std::int64_t RateLimits::pause_ms(const std::string& group) {
  const std::scoped_lock lock(mutex_);
  const auto until = until_ms_.find(group);
  return until == until_ms_.end() ? 0 : until->second - clock_.steady_ms();
}

Result<void> RateLimits::wait(const std::string& group, const std::stop_token& stop) {
  const std::int64_t rest_ms = pause_ms(group);
  if (rest_ms <= 0) return {};
  return clock_.sleep(rest_ms, stop);
}

}  // namespace tillite
