#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tillite {

/// The CRC-32 of gzip, zlib and S3 (x-amz-checksum-crc32), fed piece by piece.
class Crc32 {
 public:
  Crc32() = default;
  void update(std::span<const std::byte> bytes);
  /// Goes on behind bytes that were counted elsewhere: `count` of them, with this CRC-32.
  void append(std::uint32_t crc32, std::uint64_t count);
  [[nodiscard]] std::uint32_t value() const { return value_; }

 private:
  std::uint32_t value_ = 0;
};

}  // namespace tillite
