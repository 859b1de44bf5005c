#pragma once

#include <algorithm>
#include <iterator>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/ids.h"

namespace tillite {

/// A delta that cannot be read must not stop its neighbours, not even if a newer program could read it: its items are
/// sent again.
[[nodiscard]] inline bool is_the_deltas_fault(const Error& error) {
  return error.code() == Code::corrupt || error.code() == Code::unsupported;
}

/// Each delta once, in the order in which they were named first.
[[nodiscard]] inline std::vector<DeltaId> without_repeats(const std::vector<DeltaId>& deltas) {
  std::vector<DeltaId> once;
  std::set<DeltaId> seen;
  std::ranges::copy_if(deltas, std::back_inserter(once), [&](const DeltaId& id) { return seen.insert(id).second; });
  return once;
}

}  // namespace tillite
