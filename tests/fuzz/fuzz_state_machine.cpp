#include <cstddef>
#include <cstdint>
#include <string_view>

#include "workflow/state_machine.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(
      tillite::StateMachine::parse("fuzzed", std::string_view(reinterpret_cast<const char*>(data), size)));
  return 0;
}
