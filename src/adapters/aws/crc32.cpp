#include "adapters/aws/crc32.h"

#include <zlib.h>

namespace tillite {

void Crc32::update(std::span<const std::byte> bytes) {
  value_ = static_cast<std::uint32_t>(::crc32_z(value_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void Crc32::append(std::uint32_t crc32, std::uint64_t count) {
  value_ = static_cast<std::uint32_t>(::crc32_combine(value_, crc32, static_cast<z_off_t>(count)));
}

}  // namespace tillite
