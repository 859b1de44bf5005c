#include "emulator/faults/chances.h"

#include <fmt/format.h>

namespace tillite {

double seeded_unit(std::uint64_t seed, std::string_view purpose, std::uint64_t count) {
  Sha256 hash;
  hash.update(fmt::format("{}/{}/{}", seed, purpose, count));
  return static_cast<double>(Sum128::from_digest(hash.digest()).high >> 11) * 0x1.0p-53;
}

}  // namespace tillite
