#include "workflow/validation.h"

#include "workflow/definition_text.h"
#include "workflow/machine_validation.h"

namespace tillite {
namespace {

constexpr std::size_t kDefinitionMax_bytes = 1UZ << 20;

}  // namespace

std::vector<Diagnostic> validate(std::string_view definition_text, MachineType type) {
  Diagnostics found;
  if (definition_text.size() > kDefinitionMax_bytes) {
    found.schema(fmt::format("Definition is longer than {} bytes", kDefinitionMax_bytes), "");
    return found.take();
  }
  if (definition_text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    found.schema("Definition must be a valid JSON object", "");
    return found.take();
  }
  if (auto error = json_text_error(definition_text)) {
    found.add("INVALID_JSON_DESCRIPTION", std::move(error->message), std::move(error->location));
    return found.take();
  }
  const auto definition = parse_value(definition_text, "the definition");
  if (!definition) {
    found.add("INVALID_JSON_DESCRIPTION", definition.error().message(), "");
    return found.take();
  }
  if (!definition->is_object()) {
    found.schema("Definition must be a valid JSON object", "");
    return found.take();
  }
  const Value* language = definition->find("QueryLanguage");
  Diagnostics transitions;
  MachineValidator validator(language != nullptr && *language == Value("JSONata"), found, transitions);
  validator.check_machine(*definition, MachineValidator::Role::whole, type, "");
  for (Diagnostic& diagnostic : transitions.take())
    found.add(diagnostic.code, std::move(diagnostic.message), std::move(diagnostic.location));
  return found.take();
}

}  // namespace tillite
