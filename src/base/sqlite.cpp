#include "base/sqlite.h"

#include <sqlite3.h>

namespace tillite {

Error sqlite_error(const SQLite::Exception& exception, std::string_view what) {
  Code code = Code::unavailable;
  switch (exception.getErrorCode()) {
    case SQLITE_FULL:
      code = Code::no_space;
      break;
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
