#pragma once

#include <optional>
#include <string>

#include "steps/step.h"

namespace tillite {

/// The step that a Lambda function is (HANDLER_TYPE: "find_unembedded"). `invalid_input` lists what there is, if the
/// variable is missing or says something else.
[[nodiscard]] Result<NamedStep> step_of_handler_type(const std::optional<std::string>& handler_type);

}  // namespace tillite
