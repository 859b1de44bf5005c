#include "app/function_catalog.h"

#include "base/json.h"

// Defined by the build (cmake/Embed.cmake): workflows/steps.json, byte for byte.
extern "C" {
extern const char tillite_steps_json_begin[];
extern const char tillite_steps_json_end[];
}

namespace tillite {

Result<std::vector<FunctionFacts>> function_catalog() {
  const Json catalog = TRY(parse_json({tillite_steps_json_begin, tillite_steps_json_end}, "workflows/steps.json"));
  std::vector<FunctionFacts> functions;
  for (const Json& step : TRY(array_field(catalog, "steps"))) {
    functions.push_back(
        {.name = TRY(string_field(step, "function_name")), .memory_mb = TRY(int_field(step, "memory_mb"))});
  }
  return functions;
}

}  // namespace tillite
