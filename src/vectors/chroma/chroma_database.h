#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "vectors/chroma/chroma_rows.h"
#include "vectors/deltas/delta.h"

namespace tillite {

/// The chroma.sqlite3 of a snapshot while it is written: one collection with its records' metadata and documents
/// (docs/formats/snapshot.md). A record's embeddings.id is the label of its vector, so no other table joins the two.
/// Before finish() the file is worth nothing. When what waits could not be written, this is over, and so it is after
/// finish(): what is asked then fails as `internal`. The records of a new file and their metadata wait as long as they
/// come with ascending labels and ids and nothing else is asked, since tables and indexes are written several times
/// faster as a whole.
class ChromaDatabase {
 public:
  /// A new file: Chroma's own empty one with the collection's rows. What waits lies below `scratch`, or beside the file
  /// if that is empty.
  [[nodiscard]] static Result<ChromaDatabase> create(const Path& file, const CollectionBinding& binding,
                                                     const Path& scratch = {});
  /// A copy of an earlier snapshot's file. `corrupt` if it does not hold this collection alone.
  [[nodiscard]] static Result<ChromaDatabase> open(const Path& file, const CollectionBinding& binding);
  ChromaDatabase(ChromaDatabase&&) noexcept;
  ChromaDatabase& operator=(ChromaDatabase&&) noexcept;
  ~ChromaDatabase();

  /// The name of the HNSW segment's folder beside the file; as growth(), while nothing has failed.
  [[nodiscard]] const std::string& vector_segment() const;

  /// A new record. `conflict` if its id or label is there already; `invalid_input` for metadata that is no scalar.
  [[nodiscard]] Result<void> insert(std::uint64_t label, const RecordId& id, const Json& metadata,
                                    std::string_view document);
  /// Other metadata and document of a record that is there.
  [[nodiscard]] Result<void> rewrite(std::uint64_t label, const Json& metadata, std::string_view document);
  /// Removes a record that is there.
  [[nodiscard]] Result<void> remove(std::uint64_t label);

  /// The record with this label; nothing if there is none.
  [[nodiscard]] Result<std::optional<ChromaRow>> read(std::uint64_t label);
  /// How many more records there are than when the file was opened or created.
  [[nodiscard]] std::int64_t growth() const;
  /// Every (id, label) from a label on, ascending by label.
  [[nodiscard]] Result<void> for_each_label(std::uint64_t first,
                                            const std::function<Result<void>(const RecordId&, std::uint64_t)>& each);

  /// Writes what waits, which the others do when they must. `cancelled` soon after `stop` was requested.
  [[nodiscard]] Result<void> write_waiting(const std::stop_token& stop = {});
  /// Ends the writing and closes the file; the caller syncs it.
  [[nodiscard]] Result<void> finish();

 private:
  struct Parts;
  explicit ChromaDatabase(std::unique_ptr<Parts> parts);
  [[nodiscard]] Result<void> check_open() const;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
