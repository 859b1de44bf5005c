#include <cstddef>
#include <cstdint>
#include <string_view>

#include "workflow/test_state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto wire = tillite::parse_value(std::string_view(reinterpret_cast<const char*>(data), size), "fuzzed");
  if (!wire) return 0;
  const auto request = tillite::test_state_request(*wire);
  if (request) static_cast<void>(tillite::test_state(*request));
  return 0;
}
