#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace tillite {

/// A state machine as it was last created or updated.
struct MachineRow {
  std::string name;
  std::string type;  ///< "STANDARD" or "EXPRESS"
  std::string definition;
  std::string role_arn;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
};

/// What workers ask for tasks of.
struct ActivityRow {
  std::string name;
  std::int64_t created_ms = 0;
};

/// An execution. Input and output are JSON texts.
struct ExecutionRow {
  std::string id;       ///< "{machine}:{name}", of a Distributed Map's child "{machine}/{label}:{name}"
  std::string machine;  ///< in front of the colon
  std::string name;     ///< behind it
  std::string type = "STANDARD";
  std::string status = "RUNNING";  ///< or SUCCEEDED, FAILED, TIMED_OUT, ABORTED
  std::int64_t started_ms = 0;
  std::int64_t stopped_ms = 0;  ///< 0 while it runs
  std::string definition;       ///< of the machine when it started
  std::string input;
  std::optional<std::string> output;
  std::optional<std::string> error;
  std::optional<std::string> cause;
  std::int64_t events = 0;    ///< of its history
  std::int64_t redrives = 0;  ///< how often it was redriven
  std::int64_t redriven_ms = 0;
  std::string map_run;  ///< of a child: the run that it belongs to
  std::string owner;    ///< who walks it; empty: nobody
  std::int64_t lease_until_ms = 0;
};

/// What holds for a Distributed Map's run, and can be changed while it runs.
struct MapRunLimits {
  std::int64_t concurrency_max = 0;  ///< children at the same time; 0: as many as there may be
  std::optional<std::int64_t> tolerated_failure_count;
  std::optional<double> tolerated_failure_percentage;

  friend bool operator==(const MapRunLimits&, const MapRunLimits&) = default;
};

/// A Distributed Map's run.
struct MapRunRow {
  std::string id;         ///< "{machine}/{label}:{uuid}"
  std::string execution;  ///< of the parent
  std::string status = "RUNNING";
  std::int64_t started_ms = 0;
  std::int64_t stopped_ms = 0;
  std::int64_t total = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  std::int64_t aborted = 0;
  MapRunLimits limits;
};

/// Executions of state machines: rows, journals (what a walk was told, opaque here) and histories.
///
/// Threads: any; a Batch belongs to one thread, and only one is open at a time.
/// Durability: what was reported as done, and every batch that was committed, survives a crash; of a batch that was
/// not, nothing is seen.
/// Errors: those named; besides them `unavailable` (worth a retry), `corrupt` and `no_space`.
class ExecutionStore {
 public:
  virtual ~ExecutionStore() = default;

  struct Page {
    std::vector<ExecutionRow> rows;  ///< without definition, input and output
    std::string next;                ///< where to go on; empty at the end
  };
  struct Listing {
    std::string machine;  ///< empty: of all machines
    std::string map_run;  ///< not empty: its children instead
    std::optional<std::string> status;
    std::string after;  ///< Page::next
    std::size_t limit = 100;
  };
  /// A block of a journal or a history: lines of text from one number on.
  struct Block {
    std::int64_t first = 0;
    std::string lines;
  };

  // State machines, by name.
  [[nodiscard]] virtual Result<void> put_machine(const MachineRow& machine) = 0;
  [[nodiscard]] virtual Result<std::optional<MachineRow>> machine(const std::string& name) = 0;
  [[nodiscard]] virtual Result<std::vector<MachineRow>> machines() = 0;
  /// Whether it was there.
  [[nodiscard]] virtual Result<bool> remove_machine(const std::string& name) = 0;

  // Activities, by name. One that is there stays as it is.
  [[nodiscard]] virtual Result<void> put_activity(const ActivityRow& activity) = 0;
  [[nodiscard]] virtual Result<std::vector<ActivityRow>> activities() = 0;
  /// Whether it was there.
  [[nodiscard]] virtual Result<bool> remove_activity(const std::string& name) = 0;

  /// Adds an execution. `conflict` if there is one with its id.
  [[nodiscard]] virtual Result<void> create(const ExecutionRow& row) = 0;
  [[nodiscard]] virtual Result<std::optional<ExecutionRow>> execution(const std::string& id) = 0;
  /// Newest first; children in the order in which they were made.
  [[nodiscard]] virtual Result<Page> list(const Listing& listing) = 0;
  /// Those that run and that nobody's lease holds at `now_ms`, oldest first; without children.
  [[nodiscard]] virtual Result<std::vector<std::string>> unowned(std::int64_t now_ms, std::size_t limit) = 0;

  /// Makes `owner` the owner of an execution whose owner is `from` ("" for nobody) up to a moment. `conflict` if it is
  /// another's by now.
  [[nodiscard]] virtual Result<void> take(const std::string& id, const std::string& from, const std::string& owner,
                                          std::int64_t lease_until_ms) = 0;
  /// Moves on the lease of everything that `owner` walks.
  [[nodiscard]] virtual Result<void> renew(const std::string& owner, std::int64_t lease_until_ms) = 0;
  /// Gives everything back that `owner` walks.
  [[nodiscard]] virtual Result<void> release(const std::string& owner) = 0;
  /// Asks who walks it to stop it; seen by stop_requests().
  [[nodiscard]] virtual Result<void> request_stop(const std::string& id, const std::string& request) = 0;
  /// Of `owner`'s executions: id and request; each is answered once.
  [[nodiscard]] virtual Result<std::vector<std::pair<std::string, std::string>>> stop_requests(
      const std::string& owner) = 0;

  /// Writes of one owner that become visible together.
  class Batch {
   public:
    virtual ~Batch() = default;
    /// `lost_lease` if the execution is not the owner's any more: nothing of it may be written then.
    [[nodiscard]] virtual Result<void> check_owner(const std::string& id) = 0;
    [[nodiscard]] virtual Result<void> create(const ExecutionRow& row) = 0;
    /// Makes the batch's owner that of an execution, whoever had it: of a child, whose parent it walks.
    [[nodiscard]] virtual Result<void> take_over(const std::string& id, std::int64_t lease_until_ms) = 0;
    [[nodiscard]] virtual Result<void> add_journal(const std::string& id, const Block& block) = 0;
    [[nodiscard]] virtual Result<void> add_events(const std::string& id, const Block& block) = 0;
    /// Status, times, output, error, cause, events, redrives; an execution that runs no more has no owner.
    [[nodiscard]] virtual Result<void> update(const ExecutionRow& row) = 0;
    /// The limits only when it is new: from then on they are limit_map_run()'s.
    [[nodiscard]] virtual Result<void> put_map_run(const MapRunRow& run) = 0;
    [[nodiscard]] virtual Result<void> commit() = 0;
  };
  [[nodiscard]] virtual Result<std::unique_ptr<Batch>> begin(const std::string& owner) = 0;

  /// All of it, in order.
  [[nodiscard]] virtual Result<std::vector<Block>> journal(const std::string& id) = 0;
  /// The blocks that hold the events from `first` on (or up to it, the newest first), at most `limit` blocks.
  [[nodiscard]] virtual Result<std::vector<Block>> events(const std::string& id, std::int64_t first, bool newest_first,
                                                          std::size_t limit) = 0;

  [[nodiscard]] virtual Result<std::optional<MapRunRow>> map_run(const std::string& id) = 0;
  [[nodiscard]] virtual Result<std::vector<MapRunRow>> map_runs(const std::string& execution) = 0;
  /// Sets what holds for a map run from now on; who walks it finds it there. Whether there is one that runs.
  [[nodiscard]] virtual Result<bool> limit_map_run(const std::string& id, const MapRunLimits& limits) = 0;

  /// Removes executions that stopped before a moment, with their children. The answer: how many.
  [[nodiscard]] virtual Result<std::int64_t> remove_stopped_before(std::int64_t moment_ms, std::size_t limit) = 0;
};

}  // namespace tillite
