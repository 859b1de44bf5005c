#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/check.h"
#include "embedding/batch_files.h"

namespace {

using tillite::BatchResult;
using tillite::check;

constexpr std::size_t kDimensions = 2;

/// The quick way and the parser's say the same of every line.
void compare_ways(const std::string& line) {
  tillite::ResultLineReader reader(kDimensions);
  const auto quick = reader.read(line);
  const auto whole = reader.read_whole(line);
  check(quick.has_value() == whole.has_value(), "a line can be read both ways or neither");
  if (!quick) return;
  check(quick->id == whole->id, "both ways read one id");
  check(quick->error_code == whole->error_code, "both ways find one error");
  check(quick->error_message == whole->error_message, "both ways tell one reason");
  check(quick->vector.size() == whole->vector.size() &&
            std::memcmp(quick->vector.data(), whole->vector.data(), quick->vector.size() * sizeof(float)) == 0,
        "both ways read one vector");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto source = tillite::source_of(text);
  const auto facts =
      tillite::read_results(*source, kDimensions, [](BatchResult&&) -> tillite::Result<void> { return {}; });
  static_cast<void>(facts);
  compare_ways(text);
  static_cast<void>(tillite::parse_request_line(text));
  return 0;
}
