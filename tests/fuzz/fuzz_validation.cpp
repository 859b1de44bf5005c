// Definitions from anywhere: they are judged, and those that are judged valid can be parsed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "workflow/validation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(tillite::validate(text, tillite::MachineType::express));
  if (!tillite::validate(text, tillite::MachineType::standard).empty()) return 0;
  if (!tillite::StateMachine::parse("fuzzed", text)) std::abort();
  return 0;
}
