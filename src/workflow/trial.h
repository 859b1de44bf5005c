#pragma once

#include "expressions/scope.h"
#include "workflow/failure.h"

namespace tillite {

/// A state that is visited by itself, as TestState does: what stands in for the execution around it, and what was seen
/// on the way.
struct Trial {
  std::optional<Value> context;        ///< the context object, instead of the walk's own
  Variables variables;                 ///< after the visit: those that it left
  std::int64_t retries = 0;            ///< attempts that failed before this one
  Outcome branches;                    ///< what the branches of a Parallel or Map yield, which are not walked
  std::int64_t iterations_failed = 0;  ///< of a Distributed Map
  Value::Object seen;                  ///< values and decisions, by the names that AWS's answer gives them
};

}  // namespace tillite
