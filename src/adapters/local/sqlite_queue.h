#pragma once

#include <memory>
#include <mutex>

#include "base/file.h"
#include "base/sqlite.h"
#include "ports/clock.h"
#include "ports/queue.h"

namespace tillite {

/// A queue and its dead letters in a SQLite file of their own (docs/formats/home.md). Several processes may use one
/// file. What has happened to a message by the passing of time is written down by the next call that looks.
class SqliteQueue final : public Queue {
 public:
  /// Opens or makes the file. `unsupported` if a newer version of the program wrote it.
  [[nodiscard]] static Result<std::unique_ptr<SqliteQueue>> open(const Path& file, Clock& clock);

  [[nodiscard]] Result<std::string> send(const std::string& body, std::int64_t delay_ms,
                                         const std::string& attributes) override;
  [[nodiscard]] Result<std::vector<QueueMessage>> receive(std::size_t count_max, std::int64_t visibility_ms) override;
  [[nodiscard]] Result<void> remove(const std::string& receipt) override;
  [[nodiscard]] Result<void> extend(const std::string& receipt, std::int64_t visibility_ms) override;
  [[nodiscard]] Result<void> note_failure(const std::string& receipt, const std::string& reason) override;
  [[nodiscard]] Result<QueueCounts> counts() override;
  [[nodiscard]] Result<std::vector<QueuedMessage>> peek(std::size_t count_max) override;
  [[nodiscard]] Queue* dead_letters() override { return dead_letters_.get(); }
  [[nodiscard]] Result<std::vector<bool>> redrive(std::span<const std::string> ids) override;
  [[nodiscard]] Result<std::vector<std::string>> redrive_all() override;

 private:
  enum class Role { live, dead };
  SqliteQueue(const Path& file, Clock& clock, Role role);

  [[nodiscard]] std::string_view name() const;
  void settle(std::int64_t now_ms);

  std::mutex mutex_;
  SQLite::Database database_;
  Clock& clock_;
  Role role_;
  std::unique_ptr<SqliteQueue> dead_letters_;  ///< nullptr if this is one itself
};

}  // namespace tillite
