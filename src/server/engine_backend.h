#pragma once

#include <mutex>

#include "ports/clock.h"
#include "ports/execution_store.h"
#include "server/long_polls.h"
#include "server/step_functions_backend.h"
#include "workflow/engine.h"

namespace tillite {

/// Step Functions' operations by the built-in engine, whose executions somebody serves (Engine::serve). Machines and
/// activities are kept in its store.
class EngineBackend final : public StepFunctionsBackend {
 public:
  /// All must outlive the backend.
  EngineBackend(Engine& engine, ExecutionStore& store, Clock& clock, LongPolls& polls)
      : engine_(engine), store_(store), clock_(clock), polls_(polls) {}

  /// Adds a machine that is there from the start. What was changed since stays as it is; what was not becomes this.
  [[nodiscard]] Result<void> provide(const MachineInfo& machine);

  std::vector<DefinitionFinding> validate(const std::string& definition, bool is_express) override;
  Result<MachineInfo> create_machine(const MachineInfo& machine) override;
  Result<MachineInfo> update_machine(const std::string& name, const std::optional<std::string>& definition,
                                     const std::optional<std::string>& role_arn) override;
  Result<MachineInfo> describe_machine(const std::string& name) override;
  Result<void> delete_machine(const std::string& name) override;
  Result<std::vector<MachineInfo>> list_machines() override;

  Result<ExecutionInfo> start(const ExecutionName& id, const Value& input) override;
  void start_sync(const ExecutionName& id, const Value& input,
                  std::move_only_function<void(Result<ExecutionInfo>)> ended) override;
  Result<ExecutionInfo> describe_execution(const ExecutionName& id) override;
  Result<MachineInfo> machine_of_execution(const ExecutionName& id) override;
  Result<ExecutionsPage> list_executions(const ExecutionQuery& query) override;
  Result<std::vector<ExecutionEvent>> history(const ExecutionName& id, const HistoryQuery& query) override;
  Result<std::int64_t> stop(const ExecutionName& id, const std::string& error, const std::string& cause) override;
  Result<std::int64_t> redrive(const ExecutionName& id) override;

  Result<MapRunInfo> describe_map_run(const std::string& id) override;
  Result<std::vector<MapRunInfo>> list_map_runs(const ExecutionName& execution) override;
  Result<void> change_map_run(const std::string& id, const MapRunChange& change) override;

  Result<ActivityInfo> create_activity(const std::string& name) override;
  Result<ActivityInfo> describe_activity(const std::string& name) override;
  Result<void> delete_activity(const std::string& name) override;
  Result<std::vector<ActivityInfo>> list_activities() override;
  Result<std::optional<ActivityTask>> take_activity_task(const std::string& activity,
                                                         const std::string& worker) override;
  Result<void> task_succeeded(const std::string& token, const Value& output) override;
  Result<void> task_failed(const std::string& token, const std::string& error, const std::string& cause) override;
  Result<void> task_heartbeat(const std::string& token) override;

 private:
  [[nodiscard]] Result<MachineRow> machine_row(const std::string& name);

  Engine& engine_;
  ExecutionStore& store_;
  Clock& clock_;
  LongPolls& polls_;
  std::mutex machines_mutex_;  ///< a machine is looked for and written in one piece
};

}  // namespace tillite
