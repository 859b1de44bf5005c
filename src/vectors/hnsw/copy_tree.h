#pragma once

#include <algorithm>
#include <cstdint>

namespace tillite {

// Copies of a vector hang below their representative as a tree: few links of each lead to copies however many there
// are. The representative links to copy 0 alone.

constexpr std::uint32_t kCopyChildren = 8;

struct CopyRange {
  std::uint32_t first = 0;
  std::uint32_t end = 0;  ///< behind the last
};

/// The copies below a copy, of `count` copies.
[[nodiscard]] constexpr CopyRange copy_children(std::uint32_t copy, std::uint32_t count) {
  const std::uint32_t first = copy * kCopyChildren + 1;
  return {std::min(first, count), std::min(first + kCopyChildren, count)};
}

/// The copy above one that is not the first.
[[nodiscard]] constexpr std::uint32_t copy_parent(std::uint32_t copy) { return (copy - 1) / kCopyChildren; }

}  // namespace tillite
