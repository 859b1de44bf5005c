#pragma once

#include "base/file.h"
#include "base/sqlite.h"

namespace tillite {

// SQLite files that are written once, in a scratch folder, and only read from then on.

/// Opens a file for writing it in one go: one transaction, no journal, no fsync. A file whose writing did not end with
/// finish_database() is worth nothing. A file that is not there is created empty.
[[nodiscard]] Result<SQLite::Database> open_for_building(const Path& file);

/// Commits the transaction, gives free pages back if there are many, and checks that the file can stand alone (no
/// write-ahead log). The caller closes the database and syncs the file.
[[nodiscard]] Result<void> finish_database(SQLite::Database& database);

/// Opens a finished file for reading. SQLite takes no locks and expects that nobody ever changes the file.
[[nodiscard]] Result<SQLite::Database> open_finished(const Path& file);

/// Whether SQLite's integer can hold the number; an Error (`corrupt`, naming `what`) if not.
[[nodiscard]] Result<std::uint64_t> unsigned_column(const SQLite::Column& column, std::string_view what);

}  // namespace tillite
