#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workflow/state_machine.h"

namespace tillite {

/// One thing that is wrong with a definition, as ValidateStateMachineDefinition says it.
struct Diagnostic {
  enum class Severity { error, warning };
  Severity severity = Severity::error;
  std::string code;      ///< "SCHEMA_VALIDATION_FAILED", "MISSING_TRANSITION_TARGET", "INVALID_JSON_DESCRIPTION"...
  std::string message;   ///< AWS's words where they are known
  std::string location;  ///< "/States/Pass/Next", "/" for the whole; empty where AWS names none
};

/// What is wrong with a definition: nothing if it is valid. At most a hundred, those of the schema first, then those of
/// transitions. Besides AWS's resources it takes this engine's own: "command:...", "http://..." and "https://...".
[[nodiscard]] std::vector<Diagnostic> validate(std::string_view definition_text, MachineType type);

}  // namespace tillite
