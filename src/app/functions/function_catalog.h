#pragma once

#include <vector>

#include "base/result.h"
#include "server/function_backend.h"

namespace tillite {

/// The functions of workflows/steps.json, as it was built into the program.
[[nodiscard]] Result<std::vector<FunctionInfo>> function_catalog();

}  // namespace tillite
