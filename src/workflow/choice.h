#pragma once

#include "workflow/payload_template.h"

namespace tillite {

/// Whether a Choice rule (a comparison, or And, Or, Not of rules) holds. A path that leads nowhere is an error
/// (States.Runtime), except for IsPresent.
[[nodiscard]] Result<bool> choice_holds(const Json& rule, const Scope& scope);

/// `invalid_input` says what is wrong with a rule. `nested`: inside And, Or and Not, where Next is not allowed.
[[nodiscard]] Result<void> check_choice(const Json& rule, bool nested);

}  // namespace tillite
