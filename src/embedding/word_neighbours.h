#pragma once

#include <array>
#include <map>
#include <string>

#include "receipts/receipt.h"

namespace tillite {

inline constexpr std::string_view kEdge = "<EDGE>";  ///< stands for a neighbour that is not there

/// The two neighbours of a word on each side, nearest first; kEdge where there is none.
struct WordNeighbours {
  std::array<std::string_view, 2> left = {kEdge, kEdge};
  std::array<std::string_view, 2> right = {kEdge, kEdge};
};

/// The neighbours of every word of a receipt that is not noise; noise is nobody's neighbour. Words of the same line
/// (their boxes overlap vertically) count first, by x; a side with fewer than two is filled with words of nearby lines
/// (|dy| < 0.05 and |dx| < 0.25 between the centroids), by |dy|, then |dx|. Views into `receipt`.
[[nodiscard]] std::map<RecordId, WordNeighbours> word_neighbours(const Receipt& receipt);

}  // namespace tillite
