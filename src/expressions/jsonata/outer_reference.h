#pragma once

#include <optional>
#include <string>

#include "expressions/jsonata/syntax.h"

namespace tillite::jsonata {

/// What an expression takes from its input, which Step Functions does not give it: the first name that is read there,
/// or
/// "$$".
[[nodiscard]] std::optional<std::string> outer_reference(const Program& program);

}  // namespace tillite::jsonata
