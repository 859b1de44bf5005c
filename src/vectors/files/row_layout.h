#pragma once

#include <cstddef>

namespace tillite {

/// How vectors lie in a file: one in each row, float32, the rows behind each other.
struct RowLayout {
  std::size_t row_bytes = 0;
  std::size_t vector_offset = 0;  ///< within a row
  bool operator==(const RowLayout&) const = default;
};

}  // namespace tillite
