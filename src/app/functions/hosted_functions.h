#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "server/sandbox/sandbox.h"

namespace tillite {

/// The functions of workflows/steps.json, each run by `bootstrap` with its HANDLER_TYPE.
[[nodiscard]] Result<std::vector<SandboxedFunction>> functions_of_steps(const Path& bootstrap);

/// The functions of a text (docs/lambda.md): {"functions": [{"name", "command": ["./bootstrap"], "memory_mb",
/// "timeout_s", "storage_mb", "environment": {}}]}. Names of programs are as seen from `folder`. `invalid_input` names
/// the function and the field.
[[nodiscard]] Result<std::vector<SandboxedFunction>> parse_functions(std::string_view text, const Path& folder);
/// The same of a file and its folder; errors name the file.
[[nodiscard]] Result<std::vector<SandboxedFunction>> functions_of_file(const Path& file);

/// Reads "NAME=VALUE" pairs. `usage` for what is none.
[[nodiscard]] Result<std::map<std::string, std::string>> parse_variables(const std::vector<std::string>& texts);

}  // namespace tillite
