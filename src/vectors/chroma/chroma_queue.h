#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/json.h"
#include "base/sqlite.h"

namespace tillite {

/// What a row of embeddings_queue asks for.
enum class QueuedOperation { add, update, upsert, remove };

/// A change that a server has acknowledged and need not have written anywhere else yet.
struct QueuedChange {
  std::int64_t sequence = 0;
  QueuedOperation operation = QueuedOperation::add;
  std::string id;
  std::vector<float> vector;       ///< empty: none comes with it
  Json metadata = Json::object();  ///< with the document; a null value removes its key
};

/// The changes of a collection above `sequence`, in order, one in memory. `corrupt` names the row.
[[nodiscard]] Result<void> for_each_queued(SQLite::Database& database, const std::string& collection_id,
                                           std::int64_t sequence,
                                           const std::function<Result<void>(const QueuedChange&)>& each);
/// The change with that number.
[[nodiscard]] Result<QueuedChange> queued_change(SQLite::Database& database, std::int64_t sequence);

}  // namespace tillite
