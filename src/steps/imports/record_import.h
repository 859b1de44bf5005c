#pragma once

#include <memory>

#include "steps/step.h"
#include "vectors/chroma/chroma_directory.h"

namespace tillite {

/// What an import of records did with them.
struct ImportedRecords {
  std::uint64_t records = 0;  ///< read
  std::uint64_t added = 0;    ///< that are new here
  std::uint64_t changed = 0;  ///< that an earlier import brought, and that say something else now
  std::uint64_t unchanged = 0;
  std::uint64_t older = 0;    ///< that an import of something newer brought before; only for records with a version
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

/// Whether an import writes, or says only what it would do: then nothing is merged before it, and records that come
/// twice count twice.
enum class ImportMode { write, preview };

/// Takes records of Chroma collections into an entity's collection: merges what is outstanding, compares each record
/// with the newest version, writes what is new as deltas of at most 5,000 records and 32 MiB, and merges these.
/// Repeating it changes nothing: what is there already is left out, and a delta's id follows from its content, so that
/// the deltas of an import that was cut off are found again. Vectors are normalised; one that cannot be is listed and
/// left out. Threads: one at a time. `ports` and `context` must outlive it.
class RecordImport {
 public:
  [[nodiscard]] static Result<RecordImport> begin(Entity into, const Ports& ports, const StepContext& context,
                                                  ImportMode mode = ImportMode::write);
  RecordImport(RecordImport&&) noexcept;
  RecordImport& operator=(RecordImport&&) noexcept;
  ~RecordImport();

  /// `invalid_input` if a collection has vectors of another length than this one.
  [[nodiscard]] Result<void> check_dimensions(const ChromaCollection& from) const;

  /// Takes a record. Without `version` one that says something else than what is stored replaces it; with one it does
  /// so only if what is stored has a lower version. A version is at least kFirstImportedVersion and below 1.
  [[nodiscard]] Result<void> take(ChromaRecord&& record, std::optional<std::int64_t> version = std::nullopt);
  /// Writes what still waits for a delta: the ids that come from now on may have come before.
  [[nodiscard]] Result<void> flush();
  /// How many of the records up to now say what the newest version does not know.
  [[nodiscard]] std::uint64_t news() const;
  /// Writes and merges everything. `unavailable` if a delta still waits for a merge: compact.
  [[nodiscard]] Result<ImportedRecords> finish();

 private:
  class Parts;
  explicit RecordImport(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
