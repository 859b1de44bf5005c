#include <cstddef>
#include <cstdint>
#include <string_view>

#include "workflow/item_files.h"

/// Files of a Distributed Map's items; the first byte chooses the format.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  using Format = tillite::ItemReader::Format;
  constexpr Format kFormats[] = {Format::json, Format::json_lines, Format::csv};
  const tillite::ItemReader reader{
      .format = kFormats[data[0] % 3], .headers_in_first_row = data[0] < 128, .headers = {"a", "b"}};
  static_cast<void>(tillite::inventory_in({reinterpret_cast<const char*>(data) + 1, size - 1}));
  static_cast<void>(tillite::items_in(reader, {reinterpret_cast<const char*>(data) + 1, size - 1}, data[0] % 5));
  return 0;
}
