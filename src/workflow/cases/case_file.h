#pragma once

#include <string>
#include <vector>

#include "expressions/value.h"

namespace tillite {

/// How a case of the conformance suite went (docs/conformance.md).
struct CaseResult {
  std::string name;
  std::string difference;             ///< the first one; empty: it passed
  std::vector<std::string> features;  ///< what it tests
  [[nodiscard]] bool passed() const { return difference.empty(); }
};

/// Runs a case of any of the three kinds: an execution, a validation, a call of TestState. `invalid_input` if it is no
/// case.
[[nodiscard]] Result<CaseResult> run_case(const Value& description);

}  // namespace tillite
