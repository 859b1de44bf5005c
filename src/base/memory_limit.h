#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// "536870912", "512M", "2G": bytes, or with K, M or G at the end 2^10, 2^20 or 2^30 times as many. `invalid_input`
/// otherwise.
[[nodiscard]] Result<std::uint64_t> parse_bytes(std::string_view text);

/// What this process may use: the machine's memory, or less if a control group (version 1 or 2) of it says so.
[[nodiscard]] std::uint64_t memory_limit_bytes();

}  // namespace tillite
