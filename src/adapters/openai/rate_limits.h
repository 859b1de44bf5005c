#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/http_client.h"
#include "ports/clock.h"

namespace tillite {

/// Waits where the provider would only say "too many": a group of calls (those of one endpoint) whose
/// x-ratelimit-remaining-requests or -tokens has come to 0 pauses until its x-ratelimit-reset-, and one that was asked
/// to come again later does so too, whichever call was asked. Bounded, since resets may be hours away.
///
/// Threads: any.
class RateLimits {
 public:
  explicit RateLimits(Clock& clock, std::int64_t pause_ms_max = 60'000) : clock_(clock), pause_ms_max_(pause_ms_max) {}

  /// Takes in an answer's headers.
  void note(const std::string& group, const HttpResponse& response);
  /// Nobody of the group calls for so long.
  void pause(const std::string& group, std::int64_t pause_ms);
  /// How long the group still has to wait; 0 or less if it may call.
  [[nodiscard]] std::int64_t pause_ms(const std::string& group);
  /// Returns when the group may call; `cancelled` when `stop` is requested.
  [[nodiscard]] Result<void> wait(const std::string& group, const std::stop_token& stop);

 private:
  Clock& clock_;
  std::int64_t pause_ms_max_;
  std::mutex mutex_;
  std::map<std::string, std::int64_t> until_ms_;  ///< by the steady clock
};

}  // namespace tillite
