#include "lambda/handler_type.h"

namespace tillite {

Result<NamedStep> HandlerTypes::step(const std::optional<std::string>& handler_type) const {
  std::string known;
  for (const NamedStep& named : steps) {
    if (named.handler_type == handler_type) return named;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", named.handler_type);
  }
  if (!elsewhere.empty()) known += fmt::format(" ({})", elsewhere);
  if (!handler_type || handler_type->empty()) {
    return fail(Code::invalid_input, "the variable HANDLER_TYPE is missing: set it to one of {}", known);
  }
  return fail(Code::invalid_input, "the variable HANDLER_TYPE is '{}': set it to one of {}",
              handler_type->substr(0, 128), known);
}

}  // namespace tillite
