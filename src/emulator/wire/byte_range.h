#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

namespace tillite {

/// A part of a file: `bytes` from `offset` on.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  bool operator==(const ByteRange&) const = default;
};

enum class RangeFault { cannot_be_satisfied };  ///< status 416

/// A Range header (RFC 9110) over a file of `size` bytes: "bytes=0-99", "bytes=100-", "bytes=-5". Nothing if there is
/// none or it is to be ignored: another unit, several ranges, another form.
[[nodiscard]] std::expected<std::optional<ByteRange>, RangeFault> parse_range(std::string_view text,
                                                                              std::uint64_t size);

}  // namespace tillite
