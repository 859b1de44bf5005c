#include "adapters/remote/retries.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace tillite {
namespace {

constexpr double kDurationMsMax = 1e12;

/// A number that is neither negative nor beyond all measure, at the front of `text`, which is moved behind it.
std::optional<double> take_number(std::string_view& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !(number >= 0) || number > kDurationMsMax) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// A text that is a number and nothing else.
std::optional<double> whole_number(std::string_view text) {
  const auto number = take_number(text);
  return text.empty() ? number : std::nullopt;
}

std::int64_t milliseconds(double value) {
  return static_cast<std::int64_t>(std::ceil(std::min(value, kDurationMsMax)));
}

}  // namespace

std::int64_t jittered_pause_ms(const RetryPolicy& policy, int attempt, Random& random) {
  std::int64_t longest_ms = policy.first_pause_ms;
  for (int i = 2; i < attempt && longest_ms < policy.pause_ms_max; ++i) longest_ms *= 2;
  longest_ms = std::min(longest_ms, policy.pause_ms_max);
  return static_cast<std::int64_t>(unit_interval(random) * static_cast<double>(longest_ms + 1));
}

std::optional<std::int64_t> parse_http_date_ms(const std::string& text) {
  const std::time_t moment = ::curl_getdate(text.c_str(), nullptr);
  if (moment < 0) return std::nullopt;
  return static_cast<std::int64_t>(moment) * 1000;
}

std::optional<std::int64_t> asked_pause_ms(const HttpResponse& response, std::int64_t now_ms) {
  if (const auto text = response.header("retry-after-ms")) {
    if (const auto number = whole_number(*text)) return milliseconds(*number);
  }
  const auto text = response.header("retry-after");
  if (!text) return std::nullopt;
  if (const auto seconds = whole_number(*text)) return milliseconds(*seconds * 1000);
  const auto moment_ms = parse_http_date_ms(*text);
  if (!moment_ms) return std::nullopt;
  return std::max<std::int64_t>(*moment_ms - now_ms, 0);
}

bool RetryBudget::take() {
  const std::scoped_lock lock(mutex_);
  if (retries_ < 1) return false;
  retries_ -= 1;
  return true;
}

void RetryBudget::note_success() {
  const std::scoped_lock lock(mutex_);
  retries_ = std::min(retries_ + per_success_, retries_max_);
}

std::optional<std::int64_t> parse_wait_ms(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double total_ms = 0;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const auto unit = text.substr(0, std::min(text.find_first_of("0123456789."), text.size()));
    text.remove_prefix(unit.size());
    if (unit == "ms") {
      total_ms += *number;
    } else if (unit == "s") {
      total_ms += *number * 1000;
    } else if (unit == "m") {
      total_ms += *number * 60'000;
    } else if (unit == "h") {
      total_ms += *number * 3'600'000;
    } else if (unit == "d") {
      total_ms += *number * 86'400'000;
    } else {
      return std::nullopt;
    }
  }
  return milliseconds(total_ms);
}

}  // namespace tillite
