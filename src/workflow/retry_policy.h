#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "ports/clock.h"

namespace tillite {

/// Whether an ErrorEquals list names an error: by its name, by States.ALL, or by States.TaskFailed (all but
/// States.Timeout).
[[nodiscard]] bool names_error(const Json& error_equals, const std::string& error);

/// How long to wait before the next attempt, after `failures` (the errors of all attempts so far, the newest last);
/// nothing if the Retry list says to give up. The delay is IntervalSeconds * BackoffRate^(attempts of the same
/// retrier), at most MaxDelaySeconds; with JitterStrategy FULL a random part of it.
[[nodiscard]] std::optional<std::int64_t> retry_delay_ms(const Json& retriers, const std::vector<std::string>& failures,
                                                         Random& random);

}  // namespace tillite
