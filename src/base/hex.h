#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace tillite {

/// Two lower-case hexadecimal digits for each byte.
[[nodiscard]] std::string hex_of(std::span<const std::byte> bytes);

}  // namespace tillite
