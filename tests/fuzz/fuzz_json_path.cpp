#include <cstddef>
#include <cstdint>
#include <string_view>

#include "workflow/json_path.h"
#include "workflow/payload_template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const tillite::Json root = {{"a", {1, {{"b", "c"}}}}};
  if (const auto path = tillite::JsonPath::parse(text)) {
    static_cast<void>(path->select(root));
    static_cast<void>(path->put(root, 1));
  }
  static_cast<void>(tillite::check_expression(text));
  return 0;
}
