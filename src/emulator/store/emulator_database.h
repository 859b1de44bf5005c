#pragma once

#include <memory>
#include <mutex>

#include "base/file.h"
#include "base/sqlite.h"

namespace tillite {

/// What the emulator keeps between its runs (docs/openai-emulator.md): one SQLite database. Threads: any, one at a
/// time.
class EmulatorDatabase {
 public:
  /// Creates what is not there. `unsupported` if a newer version wrote it.
  [[nodiscard]] static Result<std::unique_ptr<EmulatorDatabase>> open(const Path& file);

  /// Calls `work` (which may return a value, a Result, or nothing) with the database.
  template <typename Work>
  [[nodiscard]] auto read(std::string_view what, Work&& work) {
    const std::scoped_lock lock(mutex_);
    return with_sqlite(what, [&] { return work(database_); });
  }
  /// The same within a transaction, which an error undoes.
  template <typename Work>
  [[nodiscard]] auto write(std::string_view what, Work&& work) {
    const std::scoped_lock lock(mutex_);
    return with_sqlite(what, [&] {
      SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
      if constexpr (std::is_void_v<std::invoke_result_t<Work, SQLite::Database&>>) {
        work(database_);
        transaction.commit();
      } else {
        auto result = work(database_);
        if constexpr (requires { result.error(); }) {
          if (!result) return result;
        }
        transaction.commit();
        return result;
      }
    });
  }

 private:
  explicit EmulatorDatabase(const Path& file);
  SQLite::Database database_;
  std::mutex mutex_;
};

}  // namespace tillite
