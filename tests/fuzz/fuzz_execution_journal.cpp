#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "workflow/durable/journal.h"

/// Lines of a journal and of a history: what can be read is written as it was read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  if (const auto told = tillite::parse_told(line)) {
    const std::string written = tillite::to_line(*told);
    tillite::check(tillite::to_line(*tillite::parse_told(written)) == written, "a journal's line keeps its meaning");
  }
  if (const auto event = tillite::parse_event(line)) {
    std::string written;
    tillite::append_line(written, *event);
    tillite::check(tillite::parse_event(written).has_value(), "a history's line that was written can be read");
  }
  return 0;
}
