#pragma once

#include <memory>
#include <mutex>

#include "base/file.h"
#include "base/sqlite.h"
#include "ports/clock.h"
#include "ports/queue.h"

namespace tillite {

/// A queue in a SQLite file of its own. Several processes may use one file.
class SqliteQueue final : public Queue {
 public:
  [[nodiscard]] static Result<std::unique_ptr<SqliteQueue>> open(const Path& file, Clock& clock);

  [[nodiscard]] Result<void> send(const std::string& body, std::int64_t delay_ms) override;
  [[nodiscard]] Result<std::vector<QueueMessage>> receive(std::size_t count_max, std::int64_t visibility_ms) override;
  [[nodiscard]] Result<void> remove(const std::string& receipt) override;
  [[nodiscard]] Result<void> extend(const std::string& receipt, std::int64_t visibility_ms) override;

 private:
  SqliteQueue(const Path& file, Clock& clock);

  std::mutex mutex_;
  SQLite::Database database_;
  Clock& clock_;
};

}  // namespace tillite
