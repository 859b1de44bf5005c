#pragma once

#include <span>

#include "steps/step.h"
#include "vectors/chroma_directory.h"

namespace tillite {

/// What an import of a Chroma collection did.
struct SnapshotImport {
  std::uint64_t records = 0;  ///< read
  std::uint64_t added = 0;    ///< that are new here
  std::uint64_t changed = 0;  ///< that an earlier import brought, and that say something else now
  std::uint64_t unchanged = 0;
  std::uint64_t ours = 0;     ///< that the pipeline has embedded itself: its vector stays
  std::uint64_t removed = 0;  ///< of items that were removed here: they do not come back
  std::uint64_t bad = 0;      ///< that cannot go in, or not with all of their metadata
  struct Bad {
    std::string id;
    std::string reason;
  };
  std::vector<Bad> listed;  ///< the first thousand of them
  std::size_t deltas = 0;   ///< that were written
  Json compacted;           ///< what the merge after it says
};

/// Takes the records of a Chroma collection into an entity's collection, from a directory or from the shards of an
/// export (exported_shards()): merges what is outstanding, compares each record with the newest version, writes what is
/// new as deltas of at most 5,000 records and 32 MiB, and merges these. Repeating it changes nothing: what is there
/// already is left out, and a delta's id follows from its content, so that the deltas of an import that was cut off are
/// found again. `invalid_input` if the dimensions differ, `not_found` if a directory has no collection called `from`.
/// Vectors are normalised, in spaces other than cosine too; one that cannot be is listed and left out.
[[nodiscard]] Result<SnapshotImport> import_snapshot(std::span<ChromaDirectory> directories, const std::string& from,
                                                     Entity into, const Ports& ports, const StepContext& context);

}  // namespace tillite
