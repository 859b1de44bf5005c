#pragma once

#include <optional>

#include "steps/batches/batch.h"

namespace tillite {

// How long a batch may be at the provider. OpenAI ends each within 24 h; where one does not, nothing is polled for
// ever: an hour later it counts as overdue, and is shown; after two days it is cancelled; after three it ends here as
// EXPIRED, with whatever its files hold then. Where the provider gives no answer at all, it ends so after 30 days, for
// which OpenAI keeps its files.

inline constexpr std::int64_t kMsADay = 24 * 3'600'000;
inline constexpr std::int64_t kBatchWindowMs = kMsADay;
inline constexpr std::int64_t kOverdueAfterMs = kBatchWindowMs + 3'600'000;
inline constexpr std::int64_t kCancelAfterMs = 2 * kMsADay;
inline constexpr std::int64_t kGiveUpAfterMs = 3 * kMsADay;
inline constexpr std::int64_t kForgetAfterMs = 30 * kMsADay;

/// How long a batch has been at the provider; nothing unless it is there and is still waited for.
[[nodiscard]] std::optional<std::int64_t> ms_at_provider(const Batch& batch, std::int64_t now_ms);

/// "3 h 12 min", "12 min", "45 s".
[[nodiscard]] std::string duration_text(std::int64_t ms);

}  // namespace tillite
