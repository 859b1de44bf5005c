#pragma once

#include <vector>

#include "steps/step.h"

namespace tillite {

/// The steps that read and write rows and small objects: all but polling and compaction, which take results and
/// snapshots through memory and files. A program of these alone is smaller.
[[nodiscard]] const std::vector<NamedStep>& simple_steps();

}  // namespace tillite
