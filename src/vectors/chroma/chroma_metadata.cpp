#include "vectors/chroma/chroma_metadata.h"

#include <cmath>

#include "base/text.h"
#include "vectors/chroma/chroma_queue.h"
#include "vectors/chroma/chroma_rows.h"
#include "vectors/chroma/chroma_vectors.h"
#include "vectors/chroma/foreign_database.h"

namespace tillite {
namespace {

constexpr const char* kListTable = "embedding_metadata_array";
constexpr std::size_t kRecordBytesMax = std::size_t{16} << 20;
constexpr std::size_t kRowBytes = 64;  // what a value takes besides its text

/// The value of a row (key, string, int, float, bool): that of its four columns which is set.
Result<Json> value_of(SQLite::Statement& row, std::int64_t record) {
  const auto broken = [&](std::string_view what) {
    return fail(Code::corrupt, "embedding_metadata of the row {} of embeddings: '{}' {}", record,
                row.getColumn(0).getString().substr(0, 64), what);
  };
  if (!row.getColumn(1).isNull()) {
    std::string text = row.getColumn(1).getString();
    if (!is_utf8(text)) return broken("is not UTF-8");
    return Json(std::move(text));
  }
  if (!row.getColumn(2).isNull()) return Json(row.getColumn(2).getInt64());
  if (!row.getColumn(3).isNull()) {
    const double number = row.getColumn(3).getDouble();
    if (!std::isfinite(number)) return broken("is infinite");
    return Json(number);
  }
  if (!row.getColumn(4).isNull()) return Json(row.getColumn(4).getInt64() != 0);
  return broken("has no value");
}

/// Writes metadata as a server does: each value to the column of its type, each list to a row for each of its values.
class MetadataWriter {
 public:
  explicit MetadataWriter(SQLite::Database& database)
      : remove_value_(database, "DELETE FROM embedding_metadata WHERE id = ? AND key = ?"),
        put_value_(database,
                   "INSERT OR REPLACE INTO embedding_metadata (id, key, string_value, int_value, float_value, "
                   "bool_value) VALUES (?, ?, ?, ?, ?, ?)"),
        remove_all_(database, "DELETE FROM embedding_metadata WHERE id = ?") {
    if (!database.tableExists(kListTable)) return;
    remove_list_.emplace(database, fmt::format("DELETE FROM {} WHERE id = ? AND key = ?", kListTable));
    put_item_.emplace(database, fmt::format("INSERT INTO {} (id, key, string_value, int_value, float_value, "
                                            "bool_value) VALUES (?, ?, ?, ?, ?, ?)",
                                            kListTable));
    remove_lists_.emplace(database, fmt::format("DELETE FROM {} WHERE id = ?", kListTable));
  }

  Result<void> put(std::int64_t row, const std::string& key, const Json& value) {
    for (auto* statement : {&remove_value_, remove_list_ ? &*remove_list_ : nullptr}) {
      if (statement == nullptr) continue;
      statement->reset();
      statement->bind(1, row);
      statement->bind(2, key);
      statement->exec();
    }
    if (value.is_null()) return {};
    if (!value.is_array()) return insert(put_value_, row, key, value);
    if (!put_item_) return unknown(key);
    for (const Json& item : value) TRY(insert(*put_item_, row, key, item));
    return {};
  }

  void remove(std::int64_t row) {
    for (auto* statement : {&remove_all_, remove_lists_ ? &*remove_lists_ : nullptr}) {
      if (statement == nullptr) continue;
      statement->reset();
      statement->bind(1, row);
      statement->exec();
    }
  }

 private:
  static std::unexpected<Error> unknown(const std::string& key) {
    return fail(Code::corrupt, "embeddings_queue has metadata '{}' of a type that no server keeps", key.substr(0, 64));
  }

  static Result<void> insert(SQLite::Statement& put, std::int64_t row, const std::string& key, const Json& value) {
    put.reset();
    put.clearBindings();
    put.bind(1, row);
    put.bind(2, key);
    if (value.is_string()) {
      put.bind(3, value.get_ref<const std::string&>());
    } else if (value.is_boolean()) {
      put.bind(6, value.get<bool>() ? 1 : 0);
    } else if (value.is_number_float()) {
      put.bind(5, value.get<double>());
    } else if (value.is_number_integer()) {
      put.bind(4, value.get<std::int64_t>());
    } else {
      return unknown(key);
    }
    put.exec();
    return {};
  }

  SQLite::Statement remove_value_;
  SQLite::Statement put_value_;
  SQLite::Statement remove_all_;
  std::optional<SQLite::Statement> remove_list_;
  std::optional<SQLite::Statement> put_item_;
  std::optional<SQLite::Statement> remove_lists_;
};

}  // namespace

Result<void> apply_queued_metadata(SQLite::Database& database, const ChromaCollection& collection) {
  const auto saved = TRY(saved_sequence_of(database, collection.metadata_segment));
  return with_foreign_sqlite("bringing the metadata up to date", [&]() -> Result<void> {
    SQLite::Statement find(database, "SELECT id FROM embeddings WHERE segment_id = ? AND embedding_id = ?");
    SQLite::Statement add(database, "INSERT INTO embeddings (segment_id, embedding_id, seq_id) VALUES (?, ?, ?)");
    SQLite::Statement remove(database, "DELETE FROM embeddings WHERE id = ?");
    MetadataWriter metadata(database);
    return for_each_queued(database, collection.id, saved.value_or(0), [&](const QueuedChange& change) -> Result<void> {
      find.reset();
      find.bind(1, collection.metadata_segment);
      find.bind(2, change.id);
      std::optional<std::int64_t> row;
      if (find.executeStep()) row = find.getColumn(0).getInt64();
      find.reset();
      if (change.operation == QueuedOperation::remove) {
        if (!row) return {};
        metadata.remove(*row);
        remove.reset();
        remove.bind(1, *row);
        remove.exec();
        return {};
      }
      if (row && change.operation == QueuedOperation::add) return {};
      if (!row && change.operation == QueuedOperation::update) return {};
      if (!row) {
        add.reset();
        add.bind(1, collection.metadata_segment);
        add.bind(2, change.id);
        add.bind(3, change.sequence);
        add.exec();
        row = database.getLastInsertRowid();
      }
      for (const auto& [key, value] : change.metadata.items()) TRY(metadata.put(*row, key, value));
      return {};
    });
  });
}

ChromaMetadata::ChromaMetadata(SQLite::Database& database)
    : values_(database,
              "SELECT key, string_value, int_value, float_value, bool_value FROM embedding_metadata WHERE id = ?") {
  if (!database.tableExists(kListTable)) return;
  lists_.emplace(database, fmt::format("SELECT key, string_value, int_value, float_value, bool_value FROM {} "
                                       "WHERE id = ? ORDER BY rowid",
                                       kListTable));
}

Result<void> ChromaMetadata::read(std::int64_t row, ChromaRecord& record) {
  std::size_t bytes = 0;
  const auto for_each_value = [&](SQLite::Statement& values, auto take) -> Result<void> {
    values.reset();
    values.bind(1, row);
    while (values.executeStep()) {
      std::string key = values.getColumn(0).getString();
      Json value = TRY(value_of(values, row));
      if (!is_utf8(key)) return fail(Code::corrupt, "a metadata key of {} is not UTF-8", record.id);
      bytes += kRowBytes + key.size() + (value.is_string() ? value.get_ref<const std::string&>().size() : 0);
      if (bytes > kRecordBytesMax) {
        return fail(Code::limit_exceeded, "{} has more metadata than {} bytes", record.id, kRecordBytesMax);
      }
      take(key, std::move(value));
    }
    values.reset();
    return {};
  };
  TRY(for_each_value(values_, [&](const std::string& key, Json&& value) {
    if (key == kDocumentKey && value.is_string()) {
      record.document = value.get<std::string>();
    } else {
      record.metadata[key] = std::move(value);
    }
  }));
  if (!lists_) return {};
  return for_each_value(*lists_, [&](const std::string& key, Json&& value) {
    Json& list = record.metadata[key];
    if (!list.is_array()) list = Json::array();
    list.push_back(std::move(value));
  });
}

}  // namespace tillite
