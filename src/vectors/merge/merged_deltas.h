#pragma once

#include <algorithm>
#include <iterator>
#include <set>
#include <vector>

#include "vectors/deltas/delta.h"

namespace tillite {

/// A delta that cannot be read must not stop its neighbours, not even if a newer program could read it: its items are
/// sent again.
[[nodiscard]] inline bool is_the_deltas_fault(const Error& error) {
  return error.code() == Code::corrupt || error.code() == Code::unsupported;
}

/// That a delta is the one that was asked for, of the collection that is merged; else `corrupt`.
[[nodiscard]] inline Result<void> check_is(const DeltaHeader& header, const DeltaId& id,
                                           const CollectionBinding& binding) {
  if (header.id != id) return fail(Code::corrupt, "it says that it is {}", header.id.str());
  if (header.binding != binding) {
    return fail(Code::corrupt, "it is bound to something else: {}", to_text(to_json(header.binding)));
  }
  return {};
}

/// The order of a run: by id, and the records of one id, which come from different deltas, by these.
[[nodiscard]] inline bool stands_before(const RecordLine& a, const RecordLine& b) {
  return a.id != b.id ? a.id < b.id : a.delta < b.delta;
}

/// Each delta once, in the order in which they were named first.
[[nodiscard]] inline std::vector<DeltaId> without_repeats(const std::vector<DeltaId>& deltas) {
  std::vector<DeltaId> once;
  std::set<DeltaId> seen;
  std::ranges::copy_if(deltas, std::back_inserter(once), [&](const DeltaId& id) { return seen.insert(id).second; });
  return once;
}

}  // namespace tillite
