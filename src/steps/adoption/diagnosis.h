#pragma once

#include <map>

#include "steps/step.h"

namespace tillite {

/// What stands in a table and its stores, and what of it keeps somebody from an embedding.
struct Diagnosis {
  /// Something that is not as it should be, with all that have it.
  struct Finding {
    std::string kind;    ///< for programs: "status_missing" (docs/adopt.md lists them)
    std::string what;    ///< for people: "have no embedding_status: no find sees them"
    std::string remedy;  ///< what to do
    std::string of;      ///< "line", "word" or "batch", "row", ...
    std::uint64_t count = 0;
    std::vector<std::string> examples;  ///< the first of them by name, with what is known of each
  };
  struct Items {
    Entity entity = Entity::line;
    std::uint64_t found = 0;                         ///< rows
    std::map<std::string, std::uint64_t> by_status;  ///< by embedding_status; "none" where a row has none
    std::uint64_t published = 0;                     ///< vectors in the newest version
  };
  std::vector<Items> items;
  std::vector<Finding> findings;

  [[nodiscard]] bool is_well() const { return findings.empty(); }
};

/// Looks at every line, word and batch, at the deltas and the snapshot of the system before this one, and at what the
/// newest version knows of them. Writes nothing; a row that cannot be read is a finding. Memory: a page of rows, a
/// delta, a bounded number of names; scratch: the newest version, or that snapshot. `cancelled` when stop is requested.
[[nodiscard]] Result<Diagnosis> diagnose(const Ports& ports, const StepContext& context);

}  // namespace tillite
