#include "vectors/files/xxh3.h"

#define XXH_INLINE_ALL  // all of it is in the header, nothing is to be linked
#include <xxhash.h>

namespace tillite {

std::uint64_t xxh3(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace tillite
