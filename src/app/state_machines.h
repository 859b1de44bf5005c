#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/parts/pipeline_host.h"

namespace tillite {

/// The state machines that commands start and watch, wherever they are walked: by the built-in engine, or by Step
/// Functions. Executions have the engine's ids there, and ARNs here (is_on_step_functions). Threads: one.
///
/// Errors: those of the engine's store, or of StepFunctionsClient; `not_found` for a machine or an execution that is
/// not there; `cancelled` when the stop token was requested: the engine's execution goes on when somebody walks it,
/// that of Step Functions goes on by itself.
class StateMachines {
 public:
  virtual ~StateMachines() = default;

  /// Starts a machine of ours, or another one by its name, and comes back when the execution has ended. One that failed
  /// is no error here: see its status. The engine takes the file of a definition (`.json`) for a name, too.
  [[nodiscard]] virtual Result<Execution> run(const std::string& name, const Value& input) = 0;
  /// The same for an execution that is there. `lock_held`, `lost_lease`: another process walks it.
  [[nodiscard]] virtual Result<Execution> finish(const ExecutionId& id) = 0;

  [[nodiscard]] virtual Result<Execution> describe(const ExecutionId& id) = 0;
  /// Newest first, without input and output; of all machines if `name` is empty (of Step Functions': ours).
  [[nodiscard]] virtual Result<std::vector<Execution>> list(const std::string& name,
                                                            std::optional<ExecutionStatus> status,
                                                            std::size_t count_max) = 0;
  [[nodiscard]] virtual Result<std::vector<HistoryEvent>> history(const ExecutionId& id) = 0;
  /// Ends an execution where it stands.
  [[nodiscard]] virtual Result<Execution> stop(const ExecutionId& id) = 0;
  /// Has one that failed go on where it did, and comes back when it has ended. `conflict` if it cannot.
  [[nodiscard]] virtual Result<Execution> redrive(const ExecutionId& id) = 0;
};

/// Those that the built-in engine walks in a home. `progress` (may be nullptr) hears of the steps as they end. Must not
/// outlive the host.
[[nodiscard]] std::unique_ptr<StateMachines> engine_machines(PipelineHost& host, std::stop_token stop,
                                                             Progress* progress);

/// Those on Step Functions, where the environment says (docs/aws.md). Nothing is called yet. `progress` (may be
/// nullptr) hears of an execution's steps when it has ended. `invalid_input` names the variable.
[[nodiscard]] Result<std::unique_ptr<StateMachines>> step_functions_machines(const Environment& environment,
                                                                             const Logger& log, std::stop_token stop,
                                                                             Progress* progress);

/// Whether an execution is one of Step Functions: its id is an ARN.
[[nodiscard]] inline bool is_on_step_functions(const std::string& execution_id) {
  return execution_id.starts_with("arn:");
}

}  // namespace tillite
