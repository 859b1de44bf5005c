#include "emulator/latency.h"

#include <algorithm>
#include <array>

#include "emulator/duration.h"

namespace tillite {

Result<Latency> Latency::parse(std::string_view text) {
  Latency latency;
  const std::array places = {
      std::pair("validating", &latency.validating_ms), std::pair("in-progress", &latency.in_progress_ms),
      std::pair("finalizing", &latency.finalizing_ms), std::pair("cancelling", &latency.cancelling_ms),
      std::pair("request", &latency.request_ms),       std::pair("window", &latency.window_ms)};
  constexpr std::size_t kStages = 4;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      const std::int64_t duration_ms = TRY(duration_ms_of(part));
      for (std::size_t i = 0; i < kStages; ++i) *places.at(i).second = duration_ms;
      continue;
    }
    const std::string_view name = part.substr(0, equals);
    const auto place = std::ranges::find_if(places, [&](const auto& each) { return each.first == name; });
    if (place == places.end()) {
      return fail(
          Code::invalid_input,
          "there is no latency '{}': there are validating, in-progress, finalizing, cancelling, request, window",
          name.substr(0, 40));
    }
    *place->second = TRY(duration_ms_of(part.substr(equals + 1)));
  }
  return latency;
}

}  // namespace tillite
