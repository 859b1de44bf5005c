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
#include "ports/execution_store.h"
#include "workflow/durable/engine_settings.h"
#include "workflow/state_machine.h"
#include "workflow/task_runner.h"

namespace tillite {

enum class ExecutionStatus { running, succeeded, failed, timed_out, aborted };
[[nodiscard]] std::string_view execution_status_name(ExecutionStatus status);  ///< "RUNNING", ...

/// One walk through a state machine.
struct Execution {
  ExecutionId id;             ///< "{state machine}:{name}"
  std::string state_machine;  ///< of a Distributed Map's child "{state machine}/{label}"
  std::string name;
  MachineType type = MachineType::standard;
  ExecutionStatus status = ExecutionStatus::running;
  std::int64_t started_ms = 0;
  std::int64_t stopped_ms = 0;  ///< 0 while it runs
  Value input;
  Value output;                      ///< of one that succeeded
  std::string error;                 ///< of one that did not; may be empty
  std::optional<std::string> cause;  ///< the same
  std::int64_t redrives = 0;
  std::int64_t redriven_ms = 0;  ///< 0: never
  std::string map_run;           ///< of a child
  std::string definition;        ///< of the machine when it started
};

/// A page of executions, without input, output and definition.
struct ExecutionPage {
  std::vector<Execution> executions;
  std::string next;  ///< where the next page begins; empty at the end
};

/// Walks state machines durably. What an execution was told is written before anything follows from it, so one that was
/// cut off at any point is walked again to where it was, and no task that had finished runs again (a task that was cut
/// off does). An execution is walked by one process at a time: its lease is renewed while it is walked; another process
/// can take it over when it ran out. Executions that wait cost no thread.
///
/// Threads: any. Errors of the store pass through; those of tasks become the execution's.
class Engine {
 public:
  using Settings = EngineSettings;

  Engine(ExecutionStore& store, Clock& clock, Random& random, TaskRunner& tasks, Logger log, Settings settings);
  ~Engine();

  /// Records a new execution without walking it: whoever serves or lists it may walk it. A name makes it that of the
  /// execution; it is made up otherwise. `invalid_input` for an input above 262,144 bytes, `conflict` if the machine
  /// has an execution of that name.
  [[nodiscard]] Result<Execution> start(const StateMachine& machine, const Value& input, const std::string& name = "");

  /// Records a new execution that is the caller's from its first moment, and walks it to its end. Errors as those of
  /// start() and walk(), but `lock_held`.
  [[nodiscard]] Result<Execution> run(const StateMachine& machine, const Value& input, std::stop_token stop,
                                      const std::string& name = "");

  /// Walks an execution to its end, from wherever it stands. A failed execution is no error here: see its status.
  /// `lock_held` if another process walks it (its lease has not run out); `lost_lease` if it was taken over meanwhile;
  /// `cancelled` when `stop` was requested: it stays RUNNING and its lease is given back at once.
  [[nodiscard]] Result<Execution> walk(const ExecutionId& id, std::stop_token stop);

  /// Walks whatever is started by anybody, until `stop`. One caller at a time.
  [[nodiscard]] Result<void> serve(std::stop_token stop);

  /// Ends a running execution where it stands, in whichever process it is walked. `not_found` if there is none with
  /// that id; one that has ended stays as it is. Answers when it is stopped or when its walker was asked to.
  [[nodiscard]] Result<Execution> stop(const ExecutionId& id, const std::string& error, const std::string& cause);

  /// Has one that failed, timed out or was aborted go on where it did: states that succeeded are not walked again.
  /// `conflict` if it did none of these, or runs.
  [[nodiscard]] Result<Execution> redrive(const ExecutionId& id);

  /// `not_found` if there is none with that id.
  [[nodiscard]] Result<Execution> describe(const ExecutionId& id);
  /// Newest first; all machines if `state_machine` is empty, all states without `status`. `after`: a page's `next`.
  [[nodiscard]] Result<ExecutionPage> list(const std::string& state_machine, std::optional<ExecutionStatus> status,
                                           std::size_t limit, const std::string& after = "");
  /// The children of a map run, in their order.
  [[nodiscard]] Result<ExecutionPage> children(const std::string& map_run, std::optional<ExecutionStatus> status,
                                               std::size_t limit, const std::string& after = "");
  /// At most `limit` events from the one with the number `first` on; with `newest_first` from it downwards (0: from the
  /// last). `not_found` as above.
  [[nodiscard]] Result<std::vector<HistoryEvent>> history(const ExecutionId& id, std::int64_t first = 1,
                                                          bool newest_first = false, std::size_t limit = 1'000'000);
  [[nodiscard]] Result<std::optional<MapRunRow>> map_run(const std::string& id);
  /// What is given holds for a map run from now on, in whichever process it is walked and after whatever crash; what is
  /// not stays as it is. Children that run go on. `not_found` without such a map run, `conflict` if it runs no more.
  struct MapRunChange {
    std::optional<std::int64_t> concurrency_max;
    std::optional<std::int64_t> tolerated_failure_count;
    std::optional<double> tolerated_failure_percentage;
  };
  [[nodiscard]] Result<void> change_map_run(const std::string& id, const MapRunChange& change);
  [[nodiscard]] Result<std::vector<MapRunRow>> map_runs(const ExecutionId& id);

  // Tasks that end by their token: activities, and integrations with .waitForTaskToken.
  struct ActivityTask {
    std::string token;
    Value input;
  };
  /// A task of an activity, by the activity's name, that waits for a worker; nothing if none does.
  [[nodiscard]] std::optional<ActivityTask> activity_task(const std::string& activity, const std::string& worker);
  /// `not_found` for a token whose task does not wait (any more): timed out, ended, or never there.
  [[nodiscard]] Result<void> task_succeeded(const std::string& token, const Value& output);
  [[nodiscard]] Result<void> task_failed(const std::string& token, const std::string& error, const std::string& cause);
  [[nodiscard]] Result<void> task_beats(const std::string& token);

  /// Removes executions that ended more than `age_ms` ago. The answer: how many.
  [[nodiscard]] Result<std::int64_t> forget_older_than(std::int64_t age_ms);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tillite
