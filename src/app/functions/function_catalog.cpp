#include "app/functions/function_catalog.h"

#include "base/json.h"

// Defined by the build (cmake/Embed.cmake): workflows/steps.json, byte for byte.
extern "C" {
extern const char tillite_steps_json_begin[];
extern const char tillite_steps_json_end[];
}

namespace tillite {

Result<std::vector<FunctionInfo>> function_catalog() {
  const Json catalog = TRY(parse_json({tillite_steps_json_begin, tillite_steps_json_end}, "workflows/steps.json"));
  std::vector<FunctionInfo> functions;
  for (const Json& step : TRY(array_field(catalog, "steps"))) {
    FunctionInfo function;
    function.name = TRY(string_field(step, "function_name"));
    function.is_container = TRY(string_field(step, "package")) == "container";
    function.memory_mb = TRY(int_field(step, "memory_mb"));
    function.timeout_s = TRY(int_field(step, "timeout_s"));
    function.storage_mb = TRY(int_field(step, "storage_mb"));
    const Json environment = TRY(object_field(step, "environment"));
    for (const auto& entry : environment.items()) {
      function.environment[entry.key()] = TRY(string_field(environment, entry.key()));
    }
    functions.push_back(std::move(function));
  }
  return functions;
}

}  // namespace tillite
