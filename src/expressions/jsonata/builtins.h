#pragma once

#include <vector>

#include "expressions/jsonata/function.h"

namespace tillite::jsonata {

// The built-in functions by group: https://docs.jsonata.org, and those of AWS Step Functions.
void add_string_functions(std::vector<Builtin>& builtins);
void add_encoding_functions(std::vector<Builtin>& builtins);
void add_number_functions(std::vector<Builtin>& builtins);
void add_array_functions(std::vector<Builtin>& builtins);
void add_object_functions(std::vector<Builtin>& builtins);
void add_date_functions(std::vector<Builtin>& builtins);
void add_step_functions(std::vector<Builtin>& builtins);

/// A row of the table of built-in functions. The signature is one of ours, and right.
[[nodiscard]] Builtin builtin(std::string_view name, std::string_view signature, std::size_t arity,
                              Result<Datum> (*call)(Evaluator&, const Builtin::Arguments&));

/// Undefined behind the last.
[[nodiscard]] const Datum& argument(const Builtin::Arguments& arguments, std::size_t index);

}  // namespace tillite::jsonata
