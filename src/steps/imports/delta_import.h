#pragma once

#include <functional>
#include <map>

#include "steps/imports/snapshot_import.h"

namespace tillite {

/// A delta as a Chroma directory, the form that the pipeline had before: a folder, or a .tar.gz of one.
struct ChromaDelta {
  std::string name;              ///< its path or key
  std::optional<Entity> entity;  ///< by the place where it lies
  /// Its folder, for reading; fetched and unpacked below `scratch` where need be. `corrupt` for a damaged archive.
  std::function<Result<Path>(const Path& scratch)> fetch;
};

/// The deltas at a place of this machine: the place itself if it is a Chroma directory or a file, else all Chroma
/// directories and all files named *.tar.gz below it, by path; links are not followed. `not_found` if there is none.
[[nodiscard]] Result<std::vector<ChromaDelta>> chroma_deltas_at(const Path& place);
/// The deltas in the store of the collections: the folders and the *.tar.gz below `lines/delta/` and `words/delta/`.
[[nodiscard]] Result<std::vector<ChromaDelta>> chroma_deltas_in(ObjectStore& vectors);

/// What an import of deltas did.
struct DeltaImport {
  std::size_t deltas = 0;  ///< that went in, those without news too
  struct Refused {
    std::string name;
    std::string reason;
  };
  std::vector<Refused> refused;  ///< damaged or fitting nowhere; nothing of them went in
  std::map<Entity, ImportedRecords> records;
  std::vector<std::string> with_news;  ///< the names of those that said what was not known
};

/// Takes deltas into the collections, and merges them once. Each record's item_version follows from the time at which
/// its delta was written, so the newer delta wins in whatever order they come, and repeating changes nothing. It stays
/// below all of the pipeline's own. A preview writes nothing. `collection` and `into` as in choose_collections().
/// Scratch holds one delta.
[[nodiscard]] Result<DeltaImport> import_deltas(const std::vector<ChromaDelta>& deltas, const std::string& collection,
                                                const std::string& into, const Ports& ports, const StepContext& context,
                                                ImportMode mode = ImportMode::write);

}  // namespace tillite
