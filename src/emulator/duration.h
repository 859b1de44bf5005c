#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// Milliseconds of "250ms", "3s", "1.5s", "2m", "24h" or a bare number of milliseconds; at most a year.
[[nodiscard]] Result<std::int64_t> duration_ms_of(std::string_view text);

}  // namespace tillite
