#pragma once

#include <memory>
#include <mutex>

#include "base/file.h"
#include "base/sqlite.h"
#include "ports/clock.h"
#include "ports/function_log.h"

namespace tillite {

/// A log in a SQLite file of its own (docs/formats/home.md). Several processes may use one file.
class SqliteLog final : public FunctionLog {
 public:
  /// Keeps the newest `events_max`. `unsupported` if a newer version of the program wrote the file.
  [[nodiscard]] static Result<std::unique_ptr<SqliteLog>> open(const Path& file, Clock& clock,
                                                               std::int64_t events_max = kEventsMax);

  [[nodiscard]] Result<void> append(std::span<const LogLine> lines) override;
  [[nodiscard]] Result<std::vector<LogEvent>> read(const LogQuery& query) override;
  [[nodiscard]] Result<std::vector<std::string>> groups() override;
  [[nodiscard]] Result<std::vector<LogStream>> streams(const std::string& group) override;

 private:
  SqliteLog(const Path& file, Clock& clock, std::int64_t events_max);

  std::mutex mutex_;
  SQLite::Database database_;
  Clock& clock_;
  std::int64_t events_max_;
};

}  // namespace tillite
