#pragma once

#include "base/file.h"
#include "base/sqlite.h"

namespace tillite {

/// Copies the chroma.sqlite3 of a directory that anybody may have written, with the journal that a killed server left,
/// to `scratch`, where SQLite brings it to its last whole state, and opens the copy; the directory itself is only read.
/// `corrupt` if it is no database of Chroma's, or has what Chroma never makes (a trigger, a view, a table that is
/// computed): reading and writing it must run nothing that somebody put there. `not_found` if there is no such file.
[[nodiscard]] Result<SQLite::Database> open_foreign_database(const Path& folder, const Path& scratch);

/// Like with_sqlite(), for statements over such a database: what the statement does not find there (a column of another
/// type or name) is `corrupt`, not a mistake of ours.
template <typename Work>
[[nodiscard]] auto with_foreign_sqlite(std::string_view what, Work&& work) {
  auto answer = with_sqlite(what, std::forward<Work>(work));
  if (!answer && answer.error().code() == Code::internal) {
    answer = std::unexpected(Error(Code::corrupt, answer.error().message()));
  }
  return answer;
}

}  // namespace tillite
