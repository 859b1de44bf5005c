#pragma once

#include "expressions/value.h"
#include "workflow/diagnostics.h"

namespace tillite {

// Checks of what fields hold in the two query languages. Each adds what is wrong at `location` or below it.

/// A path such as InputPath's: into the input, the context object or a variable. No call.
void check_path(const Value& value, const std::string& location, Diagnostics& found);
/// A path that names one place. `into_input`: of the state's input only, which ResultPath is.
void check_reference_path(const Value& value, bool into_input, const std::string& location, Diagnostics& found);
/// A path or a call of an intrinsic function: ErrorPath, CausePath.
void check_path_or_call(const Value& value, const std::string& location, Diagnostics& found);

/// A payload template in JSONPath.
void check_template(const Value& value, const std::string& location, Diagnostics& found);
/// A value in JSONata: each text in it that begins with "{%" is an expression.
void check_jsonata(const Value& value, const std::string& location, Diagnostics& found);
/// Whether a value is a text that is one JSONata expression.
[[nodiscard]] bool is_jsonata(const Value& value);

/// The variables that an Assign sets, and what it sets them to.
void check_assign(const Value& value, bool jsonata, const std::string& location, Diagnostics& found);

/// A rule of a Choice state.
void check_choice_rule(const Value& value, bool jsonata, const std::string& location, Diagnostics& found);

/// A text; false, with a diagnostic, if it is none.
bool check_text(const Value& value, const std::string& location, Diagnostics& found);

}  // namespace tillite
