#pragma once

#include <cstdint>

namespace tillite::jsonata {

/// An instant's parts in the proleptic Gregorian calendar, UTC.
struct CivilTime {
  std::int64_t year = 1970;
  int month = 1;  ///< 1 to 12
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int millisecond = 0;
};

inline constexpr double kDay_ms = 86'400'000;
/// What JavaScript can tell the date of, before and after the epoch.
inline constexpr double kInstantMax_ms = 8.64e15;

/// `epoch_ms` must be whole, and at most kInstantMax_ms away from the epoch.
[[nodiscard]] CivilTime civil_time(double epoch_ms);
/// Milliseconds since the epoch of a day's beginning. Months and days beyond their ends count on.
[[nodiscard]] double day_ms(double year, double month, double day);

/// A component of fn:format-dateTime that is a number: "Y", "M", "D", "d", "F", "W", "w", "X", "x", "H", "h", "m", "s",
/// "f"; of "P" whether it is after noon.
[[nodiscard]] double date_component(double epoch_ms, char component);

}  // namespace tillite::jsonata
