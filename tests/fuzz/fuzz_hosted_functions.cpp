#include <cstddef>
#include <cstdint>
#include <string_view>

#include "app/functions/hosted_functions.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto functions =
      tillite::parse_functions(std::string_view(reinterpret_cast<const char*>(data), size), "/folder");
  if (!functions) {
    tillite::check(!functions.error().message().empty(), "functions that cannot be read say why");
    return 0;
  }
  for (const tillite::SandboxedFunction& function : *functions) {
    tillite::check(!function.words.empty() && !function.words.front().empty() && !function.info.name.empty(),
                   "a function has a name and a program");
    for (const auto& [name, value] : function.info.environment) {
      tillite::check(!name.empty() && (name + value).find('\0') == std::string::npos, "a variable can be set");
    }
    tillite::check(function.info.memory_mb > 0 && function.info.timeout_s > 0, "it may use something");
  }
  return 0;
}
