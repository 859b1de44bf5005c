#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "expressions/value.h"

namespace tillite {

/// A state machine, as it is kept.
struct MachineInfo {
  std::string name;        ///< of a Distributed Map's children: "machine/label"
  std::string definition;  ///< byte for byte as it was given
  bool is_express = false;
  std::string role_arn;
  std::string revision_id;  ///< another one with every update; may be empty
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
};

/// What validation found wrong, in AWS's words.
struct DefinitionFinding {
  bool is_error = true;  ///< else a warning
  std::string code;      ///< "SCHEMA_VALIDATION_FAILED"
  std::string message;
  std::string location;  ///< "/States/Fetch/Next"; may be empty
};

/// Executions are told apart by their machine's name and their own, as their ARNs have them.
struct ExecutionName {
  std::string machine;  ///< "poll-store-sf", or "machine/label" of a Distributed Map's child
  std::string name;
};

struct ExecutionInfo {
  ExecutionName id;
  bool is_express = false;
  std::string status;  ///< "RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"
  std::int64_t started_ms = 0;
  std::optional<std::int64_t> stopped_ms;
  Value input;
  std::optional<Value> output;  ///< of one that succeeded
  std::optional<std::string> error;
  std::optional<std::string> cause;
  std::string map_run;  ///< of a child: "machine/label:id", as the map run's ARN ends; else empty
  std::optional<std::int64_t> item_count;
  std::int64_t redrive_count = 0;
  std::optional<std::int64_t> redriven_ms;
  std::string redrive_status;         ///< "REDRIVABLE", "NOT_REDRIVABLE", "REDRIVABLE_BY_MAP_RUN"
  std::string redrive_status_reason;  ///< of one that is not
};

/// Which executions, newest first.
struct ExecutionQuery {
  std::string machine;  ///< of this machine, or of this map run
  std::string map_run;
  std::string status;                ///< empty: any
  std::optional<bool> was_redriven;  ///< none: either
  std::string after;                 ///< an earlier page's `next`; empty: the first page
  std::size_t count_max = 100;
};
struct ExecutionsPage {
  std::vector<ExecutionInfo> executions;  ///< without input and output; fewer than asked for at times
  std::string next;                       ///< where the next page begins; empty at the end
};

/// An event of an execution's history, as AWS numbers and names them. In `details`, the type's "...EventDetails", what
/// is a JSON text on AWS (input, output, parameters, the values of assignedVariables) is the value itself.
struct ExecutionEvent {
  std::int64_t id = 0;
  std::int64_t previous_id = 0;
  std::string type;
  std::int64_t timestamp_ms = 0;
  Value details;
};

struct HistoryQuery {
  bool newest_first = false;
  std::optional<std::int64_t> after;  ///< those that come after the event with this id, in that direction
  std::size_t count_max = 100;
};

struct StateCounts {
  std::int64_t pending = 0;
  std::int64_t running = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  std::int64_t timed_out = 0;
  std::int64_t aborted = 0;
  std::int64_t total = 0;
  std::int64_t results_written = 0;
  std::int64_t failures_not_redrivable = 0;
  std::int64_t pending_redrive = 0;
};

/// A walk of a Distributed Map over its items.
struct MapRunInfo {
  std::string id;  ///< "machine/label:uuid", as its ARN ends
  ExecutionName execution;
  std::string status;  ///< "RUNNING", "SUCCEEDED", "FAILED", "ABORTED"
  std::int64_t started_ms = 0;
  std::optional<std::int64_t> stopped_ms;
  std::int64_t max_concurrency = 0;
  double tolerated_failure_percentage = 0;
  std::int64_t tolerated_failure_count = 0;
  StateCounts items;
  StateCounts executions;
  std::int64_t redrive_count = 0;
  std::optional<std::int64_t> redriven_ms;
};

/// What of a map run is to be changed.
struct MapRunChange {
  std::optional<std::int64_t> max_concurrency;
  std::optional<std::int64_t> tolerated_failure_count;
  std::optional<double> tolerated_failure_percentage;
};

struct ActivityInfo {
  std::string name;
  std::int64_t created_ms = 0;
};
struct ActivityTask {
  std::string token;
  Value input;
};

/// What Step Functions' operations need of an engine. Names and inputs have been checked for what AWS allows; what is a
/// JSON text on AWS is a Value here. Threads: any.
///
/// Errors: each method's `not_found`, `conflict` and `invalid_input` are translated to the names that AWS gives them
/// there; errors with a name of AWS's (Error::named) go out under that name.
class StepFunctionsBackend {
 public:
  virtual ~StepFunctionsBackend() = default;

  // --- state machines
  /// What is wrong with a definition, errors and warnings; none for a good one. The text may be no JSON.
  [[nodiscard]] virtual std::vector<DefinitionFinding> validate(const std::string& definition, bool is_express) = 0;
  /// `conflict` if the name is taken. Times and revision are the backend's to set.
  [[nodiscard]] virtual Result<MachineInfo> create_machine(const MachineInfo& machine) = 0;
  /// `not_found`. Executions that run go on with the definition that they began with.
  [[nodiscard]] virtual Result<MachineInfo> update_machine(const std::string& name,
                                                           const std::optional<std::string>& definition,
                                                           const std::optional<std::string>& role_arn) = 0;
  /// `not_found`
  [[nodiscard]] virtual Result<MachineInfo> describe_machine(const std::string& name) = 0;
  /// Nothing if there is none.
  [[nodiscard]] virtual Result<void> delete_machine(const std::string& name) = 0;
  /// In the order of their names.
  [[nodiscard]] virtual Result<std::vector<MachineInfo>> list_machines() = 0;

  // --- executions
  /// Starts an execution and answers at once. `not_found` without that machine; `conflict` if it has an execution of
  /// that name.
  [[nodiscard]] virtual Result<ExecutionInfo> start(const ExecutionName& id, const Value& input) = 0;
  /// Starts an execution of an express machine; `ended` hears of its end, once, from any thread. Errors as above, by
  /// `ended` too.
  virtual void start_sync(const ExecutionName& id, const Value& input,
                          std::move_only_function<void(Result<ExecutionInfo>)> ended) = 0;
  /// `not_found`
  [[nodiscard]] virtual Result<ExecutionInfo> describe_execution(const ExecutionName& id) = 0;
  /// The machine as it was when the execution began. `not_found`
  [[nodiscard]] virtual Result<MachineInfo> machine_of_execution(const ExecutionName& id) = 0;
  /// `not_found` without that map run; `invalid_input` for an `after` that never was a `next`.
  [[nodiscard]] virtual Result<ExecutionsPage> list_executions(const ExecutionQuery& query) = 0;
  /// `not_found`
  [[nodiscard]] virtual Result<std::vector<ExecutionEvent>> history(const ExecutionName& id,
                                                                    const HistoryQuery& query) = 0;
  /// When it was stopped; of one that has ended, when that was. `not_found`
  [[nodiscard]] virtual Result<std::int64_t> stop(const ExecutionName& id, const std::string& error,
                                                  const std::string& cause) = 0;
  /// When it goes on. `not_found`; named ExecutionNotRedrivable, with the reason.
  [[nodiscard]] virtual Result<std::int64_t> redrive(const ExecutionName& id) = 0;

  // --- map runs, all `not_found`
  [[nodiscard]] virtual Result<MapRunInfo> describe_map_run(const std::string& id) = 0;
  [[nodiscard]] virtual Result<std::vector<MapRunInfo>> list_map_runs(const ExecutionName& execution) = 0;
  /// What is given holds from now on. `conflict` if it runs no more.
  [[nodiscard]] virtual Result<void> change_map_run(const std::string& id, const MapRunChange& change) = 0;

  // --- activities and tasks that are ended from outside
  /// The activity of that name, new or old.
  [[nodiscard]] virtual Result<ActivityInfo> create_activity(const std::string& name) = 0;
  /// `not_found`
  [[nodiscard]] virtual Result<ActivityInfo> describe_activity(const std::string& name) = 0;
  /// Nothing if there is none.
  [[nodiscard]] virtual Result<void> delete_activity(const std::string& name) = 0;
  /// In the order of their names.
  [[nodiscard]] virtual Result<std::vector<ActivityInfo>> list_activities() = 0;
  /// A task that waits for a worker of the activity, if there is one now. `not_found` without that activity.
  [[nodiscard]] virtual Result<std::optional<ActivityTask>> take_activity_task(const std::string& activity,
                                                                               const std::string& worker) = 0;
  /// Each: `not_found` if the token's task is over, `invalid_input` if it never was a token.
  [[nodiscard]] virtual Result<void> task_succeeded(const std::string& token, const Value& output) = 0;
  [[nodiscard]] virtual Result<void> task_failed(const std::string& token, const std::string& error,
                                                 const std::string& cause) = 0;
  [[nodiscard]] virtual Result<void> task_heartbeat(const std::string& token) = 0;
};

}  // namespace tillite
