#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// "2026-11-23T12:30:00.123Z" of milliseconds since the epoch, UTC.
[[nodiscard]] std::string iso_time(std::int64_t epoch_ms);

/// The reverse; accepts seconds with and without a fraction, and "Z" or an offset.
[[nodiscard]] Result<std::int64_t> parse_iso_time(std::string_view text);

/// The same for texts that are known to be in UTC: one without a zone is, too.
[[nodiscard]] Result<std::int64_t> parse_utc_time(std::string_view text);

}  // namespace tillite
