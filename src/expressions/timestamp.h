#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tillite {

/// A moment: seconds since 1970 (UTC) and the nanoseconds behind them.
struct Timestamp {
  std::int64_t seconds = 0;
  std::int32_t nanoseconds = 0;

  auto operator<=>(const Timestamp&) const = default;
};

/// Reads what Step Functions takes for a timestamp in data: ISO-8601's extended format with an offset, such as
/// "2016-03-14T01:59:00.5Z" or "2016-03-14T01:59+01:00" (Java's ISO_OFFSET_DATE_TIME). Nothing if it is none.
[[nodiscard]] std::optional<Timestamp> parse_timestamp(std::string_view text);

/// Whether it is a timestamp as definitions must write them: RFC 3339 with seconds, capital T and capital Z.
[[nodiscard]] bool is_rfc3339_timestamp(std::string_view text);

}  // namespace tillite
