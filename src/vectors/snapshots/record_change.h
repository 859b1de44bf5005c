#pragma once

#include "vectors/chroma/chroma_rows.h"
#include "vectors/snapshots/record_index.h"

namespace tillite {

/// What news of an id mean for what is stored of it.
enum class Effect {
  nothing,    ///< older than what is stored, or the same
  vector,     ///< a new vector, with its metadata and document
  metadata,   ///< the stored vector stays and gets other metadata and another document
  tombstone,  ///< the id is removed (or was, by an older tombstone, or is not there at all)
};

struct RecordChange {
  Effect effect = Effect::nothing;
  Record record;                  ///< what is to be stored; without the vector if that stays, empty for `nothing`
  std::optional<Record> waiting;  ///< metadata that waits from now on
};

/// Whether change_of() needs the stored metadata and document of the id: there is news of the same item_version.
[[nodiscard]] bool needs_content(const KnownRecord& known, const RecordState& news);

/// Folds news into what is stored of their id: the one place where merge and query decide what is newer.
/// `content` is what is stored if needs_content(), else nothing.
[[nodiscard]] RecordChange change_of(const KnownRecord& known, const std::optional<ChromaRow>& content,
                                     RecordState news);

/// The index row of a vector and of a tombstone.
[[nodiscard]] IndexedRecord indexed_vector(const Record& record, std::uint64_t label);
[[nodiscard]] IndexedRecord indexed_tombstone(const Record& record);
/// The index row of a stored vector that got `record`'s metadata and document.
[[nodiscard]] IndexedRecord with_metadata(IndexedRecord stored, const Record& record);

}  // namespace tillite
