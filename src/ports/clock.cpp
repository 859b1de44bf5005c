#include "ports/clock.h"

namespace tillite {

double unit_interval(Random& random) {
  const auto bytes = random.bytes();
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 7; ++i) bits = bits << 8 | static_cast<std::uint64_t>(bytes[i]);
  return static_cast<double>(bits >> 3) * 0x1.0p-53;
}

}  // namespace tillite
