#pragma once

#include <atomic>
#include <functional>

#include "ports/execution_store.h"

namespace tillite::testing {

/// A store between an engine and the real one. `before_write` is asked before everything that writes (a batch counts
/// once, at its commit): an error of its stands for the process's death there.
class DyingStore final : public ExecutionStore {
 public:
  using Asked = std::function<Result<void>()>;
  DyingStore(ExecutionStore& store, Asked before_write) : store_(store), before_write_(std::move(before_write)) {}
  /// Dead after so many writes.
  DyingStore(ExecutionStore& store, int writes)
      : store_(store), before_write_([this] { return count_down(); }), writes_left_(writes) {}
  DyingStore(const DyingStore&) = delete;
  DyingStore& operator=(const DyingStore&) = delete;

  [[nodiscard]] bool has_died() const { return has_died_; }

  Result<void> put_machine(const MachineRow& machine) override {
    return then([&] { return store_.put_machine(machine); });
  }
  Result<std::optional<MachineRow>> machine(const std::string& name) override { return store_.machine(name); }
  Result<std::vector<MachineRow>> machines() override { return store_.machines(); }
  Result<bool> remove_machine(const std::string& name) override { return store_.remove_machine(name); }
  Result<void> put_activity(const ActivityRow& activity) override {
    return then([&] { return store_.put_activity(activity); });
  }
  Result<std::vector<ActivityRow>> activities() override { return store_.activities(); }
  Result<bool> remove_activity(const std::string& name) override { return store_.remove_activity(name); }
  Result<void> create(const ExecutionRow& row) override {
    return then([&] { return store_.create(row); });
  }
  Result<std::optional<ExecutionRow>> execution(const std::string& id) override { return store_.execution(id); }
  Result<Page> list(const Listing& listing) override { return store_.list(listing); }
  Result<std::vector<std::string>> unowned(std::int64_t now_ms, std::size_t limit) override {
    return store_.unowned(now_ms, limit);
  }
  Result<void> take(const std::string& id, const std::string& from, const std::string& owner,
                    std::int64_t until_ms) override {
    return then([&] { return store_.take(id, from, owner, until_ms); });
  }
  Result<void> renew(const std::string& owner, std::int64_t until_ms) override {
    return then([&] { return store_.renew(owner, until_ms); });
  }
  Result<void> release(const std::string& owner) override {
    return then([&] { return store_.release(owner); });
  }
  Result<void> request_stop(const std::string& id, const std::string& request) override {
    return then([&] { return store_.request_stop(id, request); });
  }
  Result<std::vector<std::pair<std::string, std::string>>> stop_requests(const std::string& owner) override {
    return store_.stop_requests(owner);
  }
  Result<std::unique_ptr<Batch>> begin(const std::string& owner) override {
    return std::make_unique<DyingBatch>(TRY(store_.begin(owner)), before_write_);
  }
  Result<std::vector<Block>> journal(const std::string& id) override { return store_.journal(id); }
  Result<std::vector<Block>> events(const std::string& id, std::int64_t first, bool newest_first,
                                    std::size_t limit) override {
    return store_.events(id, first, newest_first, limit);
  }
  Result<std::optional<MapRunRow>> map_run(const std::string& id) override { return store_.map_run(id); }
  Result<std::vector<MapRunRow>> map_runs(const std::string& execution) override { return store_.map_runs(execution); }
  Result<bool> limit_map_run(const std::string& id, const MapRunLimits& limits) override {
    return store_.limit_map_run(id, limits);
  }
  Result<std::int64_t> remove_stopped_before(std::int64_t moment_ms, std::size_t limit) override {
    return store_.remove_stopped_before(moment_ms, limit);
  }

 private:
  class DyingBatch final : public Batch {
   public:
    DyingBatch(std::unique_ptr<Batch> batch, Asked before_write)
        : batch_(std::move(batch)), before_write_(std::move(before_write)) {}
    Result<void> check_owner(const std::string& id) override { return batch_->check_owner(id); }
    Result<void> create(const ExecutionRow& row) override { return batch_->create(row); }
    Result<void> take_over(const std::string& id, std::int64_t until_ms) override {
      return batch_->take_over(id, until_ms);
    }
    Result<void> add_journal(const std::string& id, const Block& block) override {
      return batch_->add_journal(id, block);
    }
    Result<void> add_events(const std::string& id, const Block& block) override {
      return batch_->add_events(id, block);
    }
    Result<void> update(const ExecutionRow& row) override { return batch_->update(row); }
    Result<void> put_map_run(const MapRunRow& run) override { return batch_->put_map_run(run); }
    Result<void> commit() override {
      TRY(before_write_());
      return batch_->commit();
    }

   private:
    std::unique_ptr<Batch> batch_;
    Asked before_write_;
  };

  template <typename Write>
  Result<void> then(Write write) {
    TRY(before_write_());
    return write();
  }

  Result<void> count_down() {
    if (writes_left_-- > 0) return {};
    has_died_ = true;
    return fail(Code::unavailable, "the process is dead");
  }

  ExecutionStore& store_;
  Asked before_write_;
  std::atomic<int> writes_left_ = 0;
  std::atomic<bool> has_died_ = false;
};

}  // namespace tillite::testing
