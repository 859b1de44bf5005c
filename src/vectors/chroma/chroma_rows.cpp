#include "vectors/chroma/chroma_rows.h"

namespace tillite {
namespace {

/// The value of a row of embedding_metadata: the one of its four columns that is set.
Json value_of(SQLite::Statement& row) {
  if (!row.getColumn(1).isNull()) return row.getColumn(1).getString();
  if (!row.getColumn(2).isNull()) return row.getColumn(2).getInt64();
  if (!row.getColumn(3).isNull()) return row.getColumn(3).getDouble();
  return row.getColumn(4).getInt64() != 0;
}

}  // namespace

ChromaRows::ChromaRows(const SQLite::Database& database)
    : id_(database, "SELECT embedding_id FROM embeddings WHERE id = ?"),
      metadata_(database,
                "SELECT key, string_value, int_value, float_value, bool_value FROM embedding_metadata WHERE id = ?") {}

Result<std::optional<ChromaRow>> ChromaRows::read(std::uint64_t label) {
  return with_sqlite("reading chroma.sqlite3", [&]() -> Result<std::optional<ChromaRow>> {
    id_.reset();
    id_.bind(1, static_cast<std::int64_t>(label));
    if (!id_.executeStep()) return std::nullopt;
    ChromaRow row;
    row.id = RecordId(id_.getColumn(0).getString());
    metadata_.reset();
    metadata_.bind(1, static_cast<std::int64_t>(label));
    while (metadata_.executeStep()) {
      const std::string key = metadata_.getColumn(0).getString();
      if (key == kDocumentKey) {
        row.document = metadata_.getColumn(1).getString();
      } else {
        row.metadata[key] = value_of(metadata_);
      }
    }
    id_.reset();
    metadata_.reset();
    return row;
  });
}

}  // namespace tillite
