#pragma once

#include <optional>

#include "base/sqlite.h"
#include "vectors/chroma/chroma_directory.h"
#include "vectors/hnsw/hnsw_files.h"
#include "vectors/hnsw/label_pickle_reader.h"

namespace tillite {

/// Where the vector of each id of a collection is: in the saved segment, or in the queue. The answer is a table of a
/// scratch file, attached to `database` as `room`:
///
///     room.vectors  (id, label, element, sequence)   sequence: of the queue's row with a newer vector, else NULL;
///                                                    element: in the segment, NULL if the label has no live element
///     room.elements (label, element, id)             the segment's live elements; id: by its pickle, NULL if that has
///     none
///
/// It stays attached until the object ends, which must be before `database` does.
class ChromaVectors {
 public:
  [[nodiscard]] static Result<ChromaVectors> gather(SQLite::Database& database, const Path& folder,
                                                    const ChromaCollection& collection, const Path& scratch);
  ChromaVectors(ChromaVectors&&) noexcept;
  ChromaVectors& operator=(ChromaVectors&&) noexcept;
  ~ChromaVectors();

  /// The saved segment; nothing if the server has not saved one yet.
  [[nodiscard]] const HnswElements* elements() const { return elements_ ? &*elements_ : nullptr; }
  /// The number of the last change that the saved segment has.
  [[nodiscard]] std::int64_t saved_sequence() const { return saved_sequence_; }
  /// What the segment's pickle says besides its labels.
  [[nodiscard]] const LabelPickleFacts& pickle() const { return pickle_; }

 private:
  ChromaVectors(SQLite::Database& database, std::optional<ScratchFolder> room)
      : database_(&database), room_(std::move(room)) {}
  Result<void> read_segment(const Path& segment);
  Result<void> replay_queue(const ChromaCollection& collection);

  SQLite::Database* database_;  ///< nullptr once moved from
  std::optional<ScratchFolder> room_;
  std::optional<HnswElements> elements_;
  std::int64_t saved_sequence_ = 0;
  LabelPickleFacts pickle_;
};

/// The number of the last change that a segment has, by the table max_seq_id; nothing if it has no row there.
[[nodiscard]] Result<std::optional<std::int64_t>> saved_sequence_of(SQLite::Database& database,
                                                                    const std::string& segment);

}  // namespace tillite
