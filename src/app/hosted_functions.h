#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "server/sandbox/sandbox.h"

namespace tillite {

/// The functions of workflows/steps.json, each run by `bootstrap` with its HANDLER_TYPE.
[[nodiscard]] Result<std::vector<SandboxedFunction>> functions_of_steps(const Path& bootstrap);

/// The functions of a file (docs/lambda.md): {"functions": [{"name", "command": ["./bootstrap"], "memory_mb",
/// "timeout_s", "storage_mb", "environment": {}}]}. Names of programs are as seen from the file's folder.
/// `invalid_input` names the file and the field.
[[nodiscard]] Result<std::vector<SandboxedFunction>> functions_of_file(const Path& file);

/// Reads "NAME=VALUE" pairs. `usage` for what is none.
[[nodiscard]] Result<std::map<std::string, std::string>> parse_variables(const std::vector<std::string>& texts);

}  // namespace tillite
