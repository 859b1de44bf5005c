#pragma once

#include <string>
#include <vector>

#include "expressions/jsonata/syntax.h"

namespace tillite::jsonata {

/// The variables, without '$', that are used but neither bound inside nor built-in functions.
[[nodiscard]] std::vector<std::string> free_variables(const Program& program);

}  // namespace tillite::jsonata
