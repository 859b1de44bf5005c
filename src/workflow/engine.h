#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/log.h"
#include "ports/clock.h"
#include "ports/table.h"
#include "workflow/state_machine.h"
#include "workflow/task_runner.h"

namespace tillite {

enum class ExecutionStatus { running, succeeded, failed, timed_out, aborted };
[[nodiscard]] std::string_view execution_status_name(ExecutionStatus status);  ///< "RUNNING", ...

/// One walk through a state machine.
struct Execution {
  ExecutionId id;  ///< "{state machine}:{uuid}"
  std::string state_machine;
  ExecutionStatus status = ExecutionStatus::running;
  std::int64_t started_ms = 0;
  std::int64_t stopped_ms = 0;  ///< 0 while it runs
  Json input;
  Json output;        ///< of one that succeeded
  std::string error;  ///< of one that did not
  std::string cause;
};

/// An event of an execution's history, as AWS names and numbers them (GetExecutionHistory).
struct HistoryEvent {
  std::int64_t id = 0;  ///< from 1
  std::int64_t previous_id = 0;
  std::string type;  ///< "ExecutionStarted", "TaskStateEntered", ...
  std::int64_t timestamp_ms = 0;
  Json details;  ///< the event's "...EventDetails"
};

/// Walks state machines durably. Every finished state is recorded before the next begins, so an execution that was cut
/// off at any point goes on from its last finished state and runs no finished task again (a task that was cut off runs
/// again). An execution is walked by one process at a time: its lease is a row, renewed while walking; another process
/// can take it over when it ran out.
///
/// Threads: any. Errors of the table pass through; those of tasks become the execution's.
class Engine {
 public:
  struct Settings {
    std::int64_t lease_ms = 10'000;
    std::size_t threads_max = 8;  ///< of one Map, whatever its MaxConcurrency
  };

  Engine(Table& executions, Clock& clock, Random& random, TaskRunner& tasks, Logger log, Settings settings);
  ~Engine();

  /// Records a new execution without walking it: whoever lists it may walk it. `invalid_input` for an input above
  /// 262,144 bytes.
  [[nodiscard]] Result<Execution> start(const StateMachine& machine, const Json& input);

  /// Records a new execution that is the caller's from its first moment, and walks it to its end. Errors as those of
  /// start() and walk(), but `lock_held`.
  [[nodiscard]] Result<Execution> run(const StateMachine& machine, const Json& input, std::stop_token stop);

  /// Walks an execution to its end, from wherever it stands. A failed execution is no error here: see its status.
  /// `lock_held` if another process walks it (its lease has not run out); `lost_lease` if it was taken over meanwhile;
  /// `cancelled` when `stop` was requested: it stays RUNNING and its lease is given back at once.
  [[nodiscard]] Result<Execution> walk(const StateMachine& machine, const ExecutionId& id, std::stop_token stop);

  /// `not_found` if there is none with that id.
  [[nodiscard]] Result<Execution> describe(const ExecutionId& id);
  /// Newest first; all machines if `state_machine` is empty, all states without `status`.
  [[nodiscard]] Result<std::vector<Execution>> list(const std::string& state_machine,
                                                    std::optional<ExecutionStatus> status, std::size_t limit);
  /// In order of their ids. `not_found` as above.
  [[nodiscard]] Result<std::vector<HistoryEvent>> history(const ExecutionId& id);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
