#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace tillite {

/// RFC 4122 version 4 from 16 random bytes.
[[nodiscard]] std::string uuid4(const std::array<std::byte, 16>& random_bytes);

/// RFC 4122 version 5 of a name in Tillite's own name space: equal names have equal ids everywhere.
[[nodiscard]] std::string uuid5(std::string_view name);

/// Whether `text` is a UUID in its usual form, in lower or upper case.
[[nodiscard]] bool is_uuid(std::string_view text);

}  // namespace tillite
