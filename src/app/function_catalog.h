#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace tillite {

/// What workflows/steps.json says of a function.
struct FunctionFacts {
  std::string name;  ///< "embedding-vector-compact"
  std::int64_t memory_mb = 0;
};

/// The functions of workflows/steps.json, as it was built into the program.
[[nodiscard]] Result<std::vector<FunctionFacts>> function_catalog();

}  // namespace tillite
