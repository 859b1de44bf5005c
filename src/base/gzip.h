#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// What a gzip file (RFC 1952; several members follow one another) holds. `corrupt` for what is none, or is cut off;
/// `limit_exceeded` for content above `bytes_max`.
[[nodiscard]] Result<std::string> gunzip(std::string_view file, std::size_t bytes_max);

}  // namespace tillite
