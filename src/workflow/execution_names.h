#pragma once

#include <string_view>

namespace tillite {

/// Whether a text may name a state machine, an execution or an activity: 1 to 80 characters, no blanks, brackets,
/// wildcards and special characters (CreateStateMachine, `name`).
[[nodiscard]] bool is_states_name(std::string_view name);

}  // namespace tillite
