#include "vectors/chroma/chroma_queue.h"

#include <cstring>

#include "vectors/chroma/foreign_database.h"

namespace tillite {
namespace {

constexpr const char* kColumns = "seq_id, operation, id, vector, encoding, metadata";

Result<QueuedChange> read_change(SQLite::Statement& row) {
  QueuedChange change;
  change.sequence = row.getColumn(0).getInt64();
  const auto broken = [&](std::string_view what) {
    return fail(Code::corrupt, "the row {} of embeddings_queue {}", change.sequence, what);
  };
  const auto operation = row.getColumn(1).getInt64();
  if (operation < 0 || operation > static_cast<std::int64_t>(QueuedOperation::remove)) {
    return broken("has an operation that is not known");
  }
  change.operation = static_cast<QueuedOperation>(operation);
  change.id = row.getColumn(2).getString();
  if (const auto vector = row.getColumn(3); !vector.isNull()) {
    if (row.getColumn(4).getString() != "FLOAT32") return broken("has a vector of another encoding than FLOAT32");
    const auto size = static_cast<std::size_t>(vector.getBytes());
    if (size == 0 || size % sizeof(float) != 0) return broken("has a vector that is cut off");
    change.vector.resize(size / sizeof(float));
    std::memcpy(change.vector.data(), vector.getBlob(), size);
  }
  if (!row.getColumn(5).isNull()) {
    auto metadata = parse_json(row.getColumn(5).getString(), "its metadata");
    if (!metadata || !(metadata->is_object() || metadata->is_null())) return broken("has metadata that is no object");
    if (metadata->is_object()) change.metadata = *std::move(metadata);
  }
  return change;
}

}  // namespace

Result<void> for_each_queued(SQLite::Database& database, const std::string& collection_id, std::int64_t sequence,
                             const std::function<Result<void>(const QueuedChange&)>& each) {
  return with_foreign_sqlite("reading embeddings_queue", [&]() -> Result<void> {
    // A topic is "persistent://{tenant}/{database}/{id of the collection}".
    SQLite::Statement rows(database, fmt::format("SELECT {} FROM embeddings_queue WHERE seq_id > ? AND "
                                                 "substr(topic, -length(?2) - 1) = '/' || ?2 ORDER BY seq_id",
                                                 kColumns));
    rows.bind(1, sequence);
    rows.bind(2, collection_id);
    while (rows.executeStep()) TRY(each(TRY(read_change(rows))));
    return {};
  });
}

Result<QueuedChange> queued_change(SQLite::Database& database, std::int64_t sequence) {
  return with_foreign_sqlite("reading embeddings_queue", [&]() -> Result<QueuedChange> {
    SQLite::Statement row(database, fmt::format("SELECT {} FROM embeddings_queue WHERE seq_id = ?", kColumns));
    row.bind(1, sequence);
    if (!row.executeStep()) return fail(Code::corrupt, "the row {} of embeddings_queue has gone", sequence);
    return read_change(row);
  });
}

}  // namespace tillite
