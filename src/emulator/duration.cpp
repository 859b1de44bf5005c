#include "emulator/duration.h"

#include <array>
#include <charconv>
#include <cmath>

namespace tillite {
namespace {

constexpr double kDurationMsMax = 366.0 * 24 * 3600 * 1000;

struct Unit {
  std::string_view name;
  double ms;
};
constexpr std::array kUnits = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000}, Unit{"", 1}};

}  // namespace

Result<std::int64_t> duration_ms_of(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  const std::string_view rest = error == std::errc() ? text.substr(static_cast<std::size_t>(end - text.data())) : "?";
  for (const Unit& unit : kUnits) {
    if (rest != unit.name) continue;
    const double ms = number * unit.ms;
    if (!(ms >= 0 && ms <= kDurationMsMax)) break;
    return std::llround(ms);
  }
  return fail(Code::invalid_input, "'{}' is no duration: write 250ms, 3s, 2m or 24h (a year at most)",
              text.substr(0, 40));
}

}  // namespace tillite
