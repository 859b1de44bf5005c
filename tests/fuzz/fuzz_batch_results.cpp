#include <cstddef>
#include <cstdint>
#include <string>

#include "embedding/batch_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto source = tillite::source_of(text);
  const auto facts =
      tillite::read_results(*source, 2, [](tillite::BatchResult&&) -> tillite::Result<void> { return {}; });
  static_cast<void>(facts);
  static_cast<void>(tillite::parse_request_line(text));
  return 0;
}
