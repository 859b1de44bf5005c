#pragma once

#include <map>
#include <stop_token>
#include <string>

#include "base/file.h"
#include "base/log.h"
#include "ports/clock.h"
#include "ports/object_store.h"
#include "ports/table.h"

namespace tillite {

/// A table and the stores that belong to it.
struct Place {
  std::string name;  ///< for people, and to tell one source from another
  Table& table;
  ObjectStore& vectors;
  ObjectStore& batch_files;
};

struct MigrationOptions {
  bool dry_run = false;
  std::vector<std::string> more_types;  ///< TYPEs of rows of others that go along
};

/// How much of something there is at both places.
struct MigratedCount {
  std::uint64_t source = 0;
  std::uint64_t target = 0;
  std::uint64_t copied = 0;        ///< by this call
  std::uint64_t bytes_copied = 0;  ///< of objects
  [[nodiscard]] bool agrees() const { return source == target; }
};

struct Migration {
  std::map<std::string, MigratedCount> rows;     ///< by TYPE
  std::map<std::string, MigratedCount> objects;  ///< "vectors", "batch_files"
  bool was_complete = false;                     ///< an earlier call had come to its end: nothing was copied
  [[nodiscard]] bool agrees() const;
};

/// Copies all rows and objects of one place to another that is empty, or to which an earlier call was copying the same
/// source: that one goes on from a cursor, which a row of the target keeps. Each row is written only if there is none,
/// else compared; each object is read back and compared by size and SHA-256. The objects that name what is active come
/// last, so that nobody takes a half of it for a whole. Nothing is changed at the source, which must stand still.
///
/// Executions, messages, the vector cache and what the embedded provider has are not moved.
///
/// Errors: `lock_held` while somebody publishes at the source; `conflict` if the target has other content, or if
/// somebody else copies to it; `corrupt` if what was copied reads back otherwise; those of the ports.
[[nodiscard]] Result<Migration> migrate(const Place& from, const Place& to, const MigrationOptions& options,
                                        Clock& clock, const Path& scratch, const Logger& log,
                                        const std::stop_token& stop);

}  // namespace tillite
