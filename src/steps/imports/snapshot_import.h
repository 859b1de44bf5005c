#pragma once

#include <span>

#include "steps/imports/record_import.h"

namespace tillite {

/// The collection of a Chroma directory to read, and the one of ours that it goes into.
struct ImportPair {
  ChromaCollection from;
  Entity into = Entity::line;
};
/// The pair that names mean; an empty one follows from those that both sides have: the only collection, or the one that
/// is called like ours. `place` is the directory's name in errors, `otherwise` what a collection that is called like
/// none of ours goes into; without it that is `invalid_input`.
[[nodiscard]] Result<ImportPair> choose_collections(const ChromaDirectory& directory, const std::string& place,
                                                    const std::string& from, const std::string& into,
                                                    std::optional<Entity> otherwise = std::nullopt);

/// Takes the records of a Chroma collection into an entity's collection, from a directory or from the shards of an
/// export (exported_shards()); a record that says something else than at the last import replaces it. `invalid_input`
/// if the dimensions differ, `not_found` if a directory has no collection called `from`. Vectors are normalised, in
/// spaces other than cosine too. With a `version` only what is older is replaced, as for a delta.
[[nodiscard]] Result<ImportedRecords> import_snapshot(std::span<ChromaDirectory> directories, const std::string& from,
                                                      Entity into, const Ports& ports, const StepContext& context,
                                                      std::optional<std::int64_t> version = std::nullopt);

/// The item_version of records that a directory brings: it follows from the time at which that was written, so that
/// the newest wins in whatever order directories come. Below all of the pipeline's own.
[[nodiscard]] std::int64_t version_when_written(const ChromaDirectory& directory);

}  // namespace tillite
