// A path in the first line, and what it is applied to behind it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "expressions/json_path.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\n'), size);
  const auto path = tillite::JsonPath::parse(text.substr(0, end));
  const auto root = tillite::parse_value(text.substr(std::min(size, end + 1)), "the value");
  if (!path || !root) return 0;
  static_cast<void>(path->find(*root));
  if (!path->is_reference()) return 0;
  const auto changed = path->put(*root, "new");
  if (!changed) return 0;
  const auto found = path->select(*changed);  // what was put is there
  if (!found || *found != tillite::Value("new")) std::abort();
  return 0;
}
