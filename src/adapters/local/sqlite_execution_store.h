#pragma once

#include <mutex>

#include "base/file.h"
#include "base/sqlite.h"
#include "ports/execution_store.h"

namespace tillite {

/// Executions in a SQLite file (docs/formats/home.md). One connection writes, one reads; batches are transactions.
class SqliteExecutionStore final : public ExecutionStore {
 public:
  /// Opens or makes the file.
  [[nodiscard]] static Result<std::unique_ptr<SqliteExecutionStore>> open(const Path& file);
  ~SqliteExecutionStore() override;

  Result<void> put_machine(const MachineRow& machine) override;
  Result<std::optional<MachineRow>> machine(const std::string& name) override;
  Result<std::vector<MachineRow>> machines() override;
  Result<bool> remove_machine(const std::string& name) override;
  Result<void> put_activity(const ActivityRow& activity) override;
  Result<std::vector<ActivityRow>> activities() override;
  Result<bool> remove_activity(const std::string& name) override;
  Result<void> create(const ExecutionRow& row) override;
  Result<std::optional<ExecutionRow>> execution(const std::string& id) override;
  Result<Page> list(const Listing& listing) override;
  Result<std::vector<std::string>> unowned(std::int64_t now_ms, std::size_t limit) override;
  Result<void> take(const std::string& id, const std::string& from, const std::string& owner,
                    std::int64_t lease_until_ms) override;
  Result<void> renew(const std::string& owner, std::int64_t lease_until_ms) override;
  Result<void> release(const std::string& owner) override;
  Result<void> request_stop(const std::string& id, const std::string& request) override;
  Result<std::vector<std::pair<std::string, std::string>>> stop_requests(const std::string& owner) override;
  Result<std::unique_ptr<Batch>> begin(const std::string& owner) override;
  Result<std::vector<Block>> journal(const std::string& id) override;
  Result<std::vector<Block>> events(const std::string& id, std::int64_t first, bool newest_first,
                                    std::size_t limit) override;
  Result<std::optional<MapRunRow>> map_run(const std::string& id) override;
  Result<std::vector<MapRunRow>> map_runs(const std::string& execution) override;
  Result<bool> limit_map_run(const std::string& id, const MapRunLimits& limits) override;
  Result<std::int64_t> remove_stopped_before(std::int64_t moment_ms, std::size_t limit) override;

 private:
  class Transaction;
  struct Writer;
  explicit SqliteExecutionStore(const Path& file);

  std::unique_ptr<Writer> writer_;
  std::mutex reader_mutex_;
  SQLite::Database reader_;
};

}  // namespace tillite
