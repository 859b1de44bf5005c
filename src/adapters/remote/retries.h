#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/http_client.h"
#include "ports/clock.h"

namespace tillite {

/// How often, and how long, one call is tried.
struct RetryPolicy {
  int attempts_max = 5;
  std::int64_t first_pause_ms = 500;  ///< at most, before the second attempt; twice as long before each later one
  std::int64_t pause_ms_max = 8'000;
  std::int64_t asked_pause_ms_max = 60'000;  ///< that a server may ask for; if it asks for more the call ends
  std::int64_t total_ms_max = 180'000;       ///< from the first attempt to the beginning of the last
};

/// A pause before attempt `attempt` (from 2): anything between nothing and what the policy says ("full jitter"), so
/// that callers who failed together do not come again together.
[[nodiscard]] std::int64_t jittered_pause_ms(const RetryPolicy& policy, int attempt, Random& random);

/// The moment of a date as HTTP's headers have it, in milliseconds since the epoch; nothing for anything else.
[[nodiscard]] std::optional<std::int64_t> parse_http_date_ms(const std::string& text);

/// The pause that an answer asks for: retry-after-ms, or retry-after as seconds or a date. Nothing if it does not, or
/// in no form that is known.
[[nodiscard]] std::optional<std::int64_t> asked_pause_ms(const HttpResponse& response, std::int64_t now_ms);

/// What retries a process may make: each takes one, each success gives a part of one back. While a service answers
/// nobody notices; when it does not, retries do not multiply the load that it fails under.
///
/// Threads: any.
class RetryBudget {
 public:
  explicit RetryBudget(double retries_max = 100, double per_success = 0.5)
      : retries_max_(retries_max), per_success_(per_success), retries_(retries_max) {}
  /// Whether one was left.
  [[nodiscard]] bool take();
  void note_success();

 private:
  double retries_max_;
  double per_success_;
  std::mutex mutex_;
  double retries_;
};

/// "1m30.5s", "20ms": as servers write when a limit is lifted. Nothing for anything else.
[[nodiscard]] std::optional<std::int64_t> parse_wait_ms(std::string_view text);

}  // namespace tillite
