#pragma once

#include <cstdint>

#include "receipts/receipt.h"

namespace tillite {

/// The `index`-th receipt (from 0) of an endless stream of made-up receipts of many merchants; the same for the same
/// seed and index, and image ids never repeat within a seed.
[[nodiscard]] Receipt sample_receipt(std::uint64_t seed, std::uint64_t index);

}  // namespace tillite
