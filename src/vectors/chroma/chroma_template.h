#pragma once

#include <cstddef>
#include <span>

namespace tillite {

/// chroma.sqlite3 of an empty directory that a real Chroma server made (data/chroma-template).
[[nodiscard]] std::span<const std::byte> chroma_template();

}  // namespace tillite
