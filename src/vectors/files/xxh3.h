#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tillite {

/// XXH3 of 64 bits: tells bytes that were damaged in a tenth of the time of a SHA-256, but not bytes that somebody
/// chose.
[[nodiscard]] std::uint64_t xxh3(std::span<const std::byte> bytes);

}  // namespace tillite
