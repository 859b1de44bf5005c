#pragma once

#include <cstddef>
#include <vector>

#include "receipts/receipt.h"

namespace tillite {

/// The lines of a receipt (indexes into receipt.lines) in reading order: visual rows from top to bottom, each from left
/// to right. Two lines are in one row if either one's vertical centre lies within the other's height; transitive.
/// Compared pairwise: a row's own span growing with its lines would swallow the neighbouring row.
[[nodiscard]] std::vector<std::vector<std::size_t>> visual_rows(const Receipt& receipt);

}  // namespace tillite
