#include "workflow/retry_policy.h"

#include <algorithm>
#include <cmath>

namespace tillite {
namespace {

constexpr double kIntervalDefault = 1;
constexpr std::int64_t kAttemptsDefault = 3;
constexpr double kBackoffDefault = 2;
constexpr double kDelaySecondsMax = 31'622'400;

const Json* retrier_of(const Json& retriers, const std::string& error) {
  const auto found = std::ranges::find_if(
      retriers, [&](const Json& retrier) { return names_error(retrier.at("ErrorEquals"), error); });
  return found == retriers.end() ? nullptr : &*found;
}

}  // namespace

bool names_error(const Json& error_equals, const std::string& error) {
  return std::ranges::any_of(error_equals, [&](const Json& name) {
    return name == error ||
           (name == "States.ALL" && error != "States.DataLimitExceeded" && error != "States.Runtime") ||
           (name == "States.TaskFailed" && error != "States.Timeout");
  });
}

std::optional<std::int64_t> retry_delay_ms(const Json& retriers, const std::vector<std::string>& failures,
                                           Random& random) {
  const Json* retrier = retrier_of(retriers, failures.back());
  if (retrier == nullptr) return std::nullopt;
  const auto attempts =
      std::ranges::count_if(failures, [&](const std::string& error) { return retrier_of(retriers, error) == retrier; });
  if (attempts > retrier->value("MaxAttempts", kAttemptsDefault)) return std::nullopt;
  const double interval = retrier->value("IntervalSeconds", kIntervalDefault);
  const double backoff = retrier->value("BackoffRate", kBackoffDefault);
  const double limit = retrier->value("MaxDelaySeconds", kDelaySecondsMax);
  double delay = std::min(interval * std::pow(backoff, static_cast<double>(attempts - 1)), limit);
  if (retrier->value("JitterStrategy", "NONE") == "FULL") delay *= unit_interval(random);
  return std::llround(delay * 1000);
}

}  // namespace tillite
