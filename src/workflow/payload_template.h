#pragma once

#include "base/json.h"
#include "ports/clock.h"

namespace tillite {

/// What expressions in a state can see.
struct Scope {
  const Json& input;    ///< "$"
  const Json& context;  ///< "$$"
  Random& random;       ///< for States.UUID
};

/// The value of an expression: a JSONPath ("$.x"), a path into the context object ("$$.Execution.Id"), or an intrinsic
/// function
/// ("States.Format('{}', $.x)"). Errors are named as AWS names them (States.ParameterPathFailure,
/// States.IntrinsicFailure).
[[nodiscard]] Result<Json> evaluate(std::string_view expression, const Scope& scope);

/// A payload template: every field "name.$" becomes "name" with the value of its expression, at any depth.
[[nodiscard]] Result<Json> fill_template(const Json& payload, const Scope& scope);

/// Whether an expression can be evaluated at all; `invalid_input` says what is wrong. Checked when a definition is
/// parsed.
[[nodiscard]] Result<void> check_expression(std::string_view expression);
/// The same for all expressions of a template.
[[nodiscard]] Result<void> check_template(const Json& payload);

}  // namespace tillite
