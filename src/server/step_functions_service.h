#pragma once

#include "ports/clock.h"
#include "server/arn.h"
#include "server/aws_service.h"
#include "server/long_polls.h"
#include "server/step_functions_arn.h"
#include "server/step_functions_backend.h"
#include "workflow/durable/task_pool.h"
#include "workflow/task_runner.h"

namespace tillite {

/// Step Functions' operations over an engine: checks what AWS checks before anything happens, turns ARNs into names and
/// texts into values, and gives errors AWS's names.
class StepFunctionsService final : public AwsService {
 public:
  /// `place` is where machines and activities are that a request names without an ARN. `tasks` runs Tasks that are
  /// tested without a mock; nullptr: they are refused. All must outlive the service.
  StepFunctionsService(StepFunctionsBackend& backend, AwsPlace place, LongPolls& polls, Clock& clock, Random& random,
                       TaskRunner* tasks = nullptr)
      : backend_(backend), place_(std::move(place)), polls_(polls), clock_(clock), random_(random), tasks_(tasks) {}
  StepFunctionsService(const StepFunctionsService&) = delete;
  StepFunctionsService& operator=(const StepFunctionsService&) = delete;
  ~StepFunctionsService() override { stop_.request_stop(); }

  [[nodiscard]] std::string_view target() const override { return "AWSStepFunctions"; }
  void handle(AwsCall call) override;

 private:
  using Operation = Result<Json> (StepFunctionsService::*)(const Json& parameters);

  // machine_operations.cpp
  Result<Json> create_state_machine(const Json& parameters);
  Result<Json> update_state_machine(const Json& parameters);
  Result<Json> describe_state_machine(const Json& parameters);
  Result<Json> delete_state_machine(const Json& parameters);
  Result<Json> list_state_machines(const Json& parameters);
  Result<Json> list_state_machine_versions(const Json& parameters);
  Result<Json> list_state_machine_aliases(const Json& parameters);
  Result<Json> list_tags(const Json& parameters);
  Result<Json> validate_definition(const Json& parameters);
  void test_state(AwsCall call);
  [[nodiscard]] Result<void> check_definition(const std::string& definition, bool is_express);
  [[nodiscard]] Result<MachineInfo> machine_named(const NameArn& arn);

  // execution_operations.cpp
  Result<Json> start_execution(const Json& parameters);
  void start_sync_execution(AwsCall call);
  Result<Json> describe_execution(const Json& parameters);
  Result<Json> describe_state_machine_for_execution(const Json& parameters);
  Result<Json> list_executions(const Json& parameters);
  Result<Json> get_execution_history(const Json& parameters);
  Result<Json> stop_execution(const Json& parameters);
  Result<Json> redrive_execution(const Json& parameters);
  Result<Json> describe_map_run(const Json& parameters);
  Result<Json> list_map_runs(const Json& parameters);
  Result<Json> update_map_run(const Json& parameters);
  struct Start;
  [[nodiscard]] Result<Start> parse_start(const Json& parameters);

  // activity_operations.cpp
  Result<Json> create_activity(const Json& parameters);
  Result<Json> describe_activity(const Json& parameters);
  Result<Json> delete_activity(const Json& parameters);
  Result<Json> list_activities(const Json& parameters);
  void get_activity_task(AwsCall call);
  Result<Json> send_task_success(const Json& parameters);
  Result<Json> send_task_failure(const Json& parameters);
  Result<Json> send_task_heartbeat(const Json& parameters);

  StepFunctionsBackend& backend_;
  AwsPlace place_;
  LongPolls& polls_;
  Clock& clock_;
  Random& random_;
  TaskRunner* tasks_;
  std::stop_source stop_;  ///< of states that are tested
  TaskPool tests_{2, {}};  ///< the last member: its threads use the others
};

}  // namespace tillite
