#include "base/sqlite.h"

#include <sqlite3.h>

#include <cerrno>

#include "base/file.h"

namespace tillite {

void stop_counting_sqlite_memory() { ::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

Error sqlite_error(const SQLite::Exception& exception, std::string_view what) {
  // The index of a write-ahead log that cannot grow has a code of its own.
  if (exception.getExtendedErrorCode() == SQLITE_IOERR_SHMSIZE) return system_error(ENOSPC, what, {});
  Code code = Code::unavailable;
  switch (exception.getErrorCode()) {
    case SQLITE_FULL:
      return system_error(ENOSPC, what, {});
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      code = Code::corrupt;
      break;
    case SQLITE_CONSTRAINT:
      code = Code::conflict;
      break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      code = Code::permission;
      break;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
      code = Code::internal;
      break;
    default:
      break;
  }
  return {code, fmt::format("{}: {}", what, exception.what())};
}

}  // namespace tillite
