#pragma once

#include <cstddef>
#include <optional>

#include "expressions/jsonata/datum.h"

namespace tillite::jsonata {

/// What an expression has yielded as JSON has it: nothing for undefined and functions (null in an array, no field in an
/// object), whole numbers as integers. Errors: D2015 beyond `bytes_max`, D1011 if it is too deep, D1001 for a number
/// that JSON has not.
[[nodiscard]] Result<std::optional<Value>> result_of(const Datum& datum, std::size_t bytes_max);

}  // namespace tillite::jsonata
