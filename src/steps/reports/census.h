#pragma once

#include <map>

#include "steps/batches/batch.h"
#include "steps/step.h"
#include "vectors/versions/manifest.h"

namespace tillite {

/// Where all items of an entity are (design: promise 1). Counted from two sides: `found` from the rows by type, the
/// rest from the rows by status; the batches' rows and the manifest tell claimed, in deltas and published apart.
struct Census {
  Entity entity = Entity::line;
  std::uint64_t found = 0;
  std::uint64_t noise = 0;
  std::uint64_t unclaimed = 0;
  std::uint64_t claimed = 0;  ///< in a batch without a delta
  std::uint64_t held =
      0;  ///< of these: by nobody of ours, or damaged, so that no run moves them (steps/adoption/adoption.h)
  std::uint64_t in_deltas = 0;  ///< in a delta that no version has consumed
  std::uint64_t published = 0;  ///< in a published version; SUCCESS, or about to be
  std::uint64_t failed = 0;
  /// By status; "PREPARED" for those not submitted, "FOREIGN" for open ones that are not ours, "UNREADABLE" for open
  /// ones whose row cannot be read.
  std::map<std::string, std::uint64_t> batches;
  std::uint64_t deltas_waiting = 0;
  std::uint64_t changes_waiting = 0;  ///< rows in the outbox
  std::optional<Manifest> version;    ///< the newest
  std::int64_t generation = 1;        ///< the active one
  /// A generation that is being built beside the active one.
  struct Building {
    std::int64_t generation = 0;
    std::uint64_t vectors = 0;         ///< in its newest version
    std::uint64_t deltas_waiting = 0;  ///< for a merge
    std::uint64_t left_out = 0;        ///< items that it does without
    bool operator==(const Building&) const = default;
  };
  std::optional<Building> building;

  [[nodiscard]] std::uint64_t sum() const { return noise + unclaimed + claimed + in_deltas + published + failed; }
  [[nodiscard]] bool adds_up() const { return found == sum(); }
  bool operator==(const Census&) const = default;
};

/// Counts. While others work the two sides are read at different moments: a sum that does not add up is counted anew, a
/// few times.
[[nodiscard]] Result<Census> take_census(Entity entity, const Ports& ports, const StepContext& context);

}  // namespace tillite
