#pragma once

#include "base/file.h"
#include "base/sqlite.h"
#include "ports/table.h"

namespace tillite {

/// A connection to a table's file and its statements. One thread at a time.
class SqliteRows {
 public:
  /// Opens the file, creating it and its schema if asked to write.
  [[nodiscard]] static Result<std::unique_ptr<SqliteRows>> open(const Path& file, bool write);

  [[nodiscard]] SQLite::Database& database() { return database_; }
  /// Whether a transaction is open. An error can end one: SQLite itself undoes all of it when the disk is full or fails
  /// and when memory runs out.
  [[nodiscard]] bool in_transaction() const;

  [[nodiscard]] Result<std::optional<Item>> get(const ItemKey& key);
  [[nodiscard]] Result<Page> query(const Query& query);
  [[nodiscard]] Result<std::uint64_t> count(const Query& query);

  /// Applies one write inside the transaction that is open. The answer: whether its condition held.
  [[nodiscard]] Result<bool> apply(const Write& write);

 private:
  SqliteRows(const Path& file, bool write);
  Result<void> put(const ItemKey& key, const Item& item);
  void erase(const ItemKey& key);

  std::string reading_;  ///< "reading {file}", for errors
  std::string writing_;
  SQLite::Database database_;
  SQLite::Statement select_;
  std::unique_ptr<SQLite::Statement> replace_;  ///< only where writes are allowed
  std::unique_ptr<SQLite::Statement> delete_;
};

}  // namespace tillite
