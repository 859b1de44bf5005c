#pragma once

#include <span>
#include <string>

#include "ports/vector_cache.h"

namespace tillite {

/// What a cache keeps beside a vector, to find out what was damaged: 32 hexadecimal digits of a hash over the key and
/// the vector's bytes (little endian, as this machine has them).
[[nodiscard]] std::string vector_checksum(const TextKey& key, std::span<const std::byte> vector);

}  // namespace tillite
