#include <cstddef>
#include <cstdint>
#include <string_view>

#include "workflow/validation.h"

/// Any text is judged, and one judged twice comes to the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto once = tillite::validate(text, tillite::MachineType::standard);
  const auto again = tillite::validate(text, tillite::MachineType::express);
  return once.size() <= 100 && again.size() <= 100 ? 0 : 1;
}
