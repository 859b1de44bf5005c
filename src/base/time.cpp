#include "base/time.h"

#include <cmath>
#include <cstdio>
#include <ctime>

namespace tillite {

std::string iso_time(std::int64_t epoch_ms) {
  std::int64_t seconds = epoch_ms / 1000;
  std::int64_t rest_ms = epoch_ms % 1000;
  if (rest_ms < 0) {
    rest_ms += 1000;
    --seconds;
  }
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, rest_ms);
}

Result<std::int64_t> parse_iso_time(std::string_view text) {
  const std::string input(text);
  std::tm parts{};
  double seconds = 0;
  int length = 0;
  if (std::sscanf(input.c_str(), "%4d-%2d-%2dT%2d:%2d:%lf%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                  &parts.tm_hour, &parts.tm_min, &seconds, &length) < 6 ||
      seconds < 0 || seconds >= 61) {
    return fail(Code::invalid_input, "'{}' is not an ISO-8601 time such as 2026-01-31T12:00:00Z", text.substr(0, 64));
  }
  const std::string zone = input.substr(static_cast<std::size_t>(length));
  int offset_hours = 0;
  int offset_minutes = 0;
  if (zone != "Z") {
    char sign = 0;
    if (zone.size() != 6 || std::sscanf(zone.c_str(), "%c%2d:%2d", &sign, &offset_hours, &offset_minutes) != 3 ||
        (sign != '+' && sign != '-')) {
      return fail(Code::invalid_input, "'{}' needs a time zone: Z, or an offset such as +01:00", text.substr(0, 64));
    }
    if (sign == '-') {
      offset_hours = -offset_hours;
      offset_minutes = -offset_minutes;
    }
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  const std::int64_t whole = timegm(&parts) - (offset_hours * 60 + offset_minutes) * 60;
  return whole * 1000 + std::llround(seconds * 1000);
}

Result<std::int64_t> parse_utc_time(std::string_view text) {
  const std::size_t time = text.find('T');
  const bool has_zone = time == std::string_view::npos || text.find_first_of("Z+-", time) != std::string_view::npos;
  return parse_iso_time(has_zone ? std::string(text) : std::string(text) + "Z");
}

}  // namespace tillite
