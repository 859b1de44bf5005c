#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tillite {

/// Which bytes of a whole an answer of status 206 has: its header Content-Range.
struct ContentRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> length;  ///< of the whole; nothing if it is not told
};

/// "bytes 100-199/200", or "/*" if the length is not known; nothing for anything else.
[[nodiscard]] std::optional<ContentRange> parse_content_range(std::string_view text);

}  // namespace tillite
