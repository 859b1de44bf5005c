#include "server/step_functions_service.h"

#include <map>

namespace tillite {

void StepFunctionsService::handle(AwsCall call) {
  if (call.operation == "GetActivityTask") return get_activity_task(std::move(call));
  if (call.operation == "StartSyncExecution") return start_sync_execution(std::move(call));
  if (call.operation == "TestState") return test_state(std::move(call));
  using Service = StepFunctionsService;
  static const std::map<std::string, Operation, std::less<>> operations = {
      {"CreateActivity", &Service::create_activity},
      {"CreateStateMachine", &Service::create_state_machine},
      {"DeleteActivity", &Service::delete_activity},
      {"DeleteStateMachine", &Service::delete_state_machine},
      {"DescribeActivity", &Service::describe_activity},
      {"DescribeExecution", &Service::describe_execution},
      {"DescribeMapRun", &Service::describe_map_run},
      {"DescribeStateMachine", &Service::describe_state_machine},
      {"DescribeStateMachineForExecution", &Service::describe_state_machine_for_execution},
      {"GetExecutionHistory", &Service::get_execution_history},
      {"ListActivities", &Service::list_activities},
      {"ListExecutions", &Service::list_executions},
      {"ListMapRuns", &Service::list_map_runs},
      {"ListStateMachineAliases", &Service::list_state_machine_aliases},
      {"ListStateMachineVersions", &Service::list_state_machine_versions},
      {"ListStateMachines", &Service::list_state_machines},
      {"ListTagsForResource", &Service::list_tags},
      {"RedriveExecution", &Service::redrive_execution},
      {"SendTaskFailure", &Service::send_task_failure},
      {"SendTaskHeartbeat", &Service::send_task_heartbeat},
      {"SendTaskSuccess", &Service::send_task_success},
      {"StartExecution", &Service::start_execution},
      {"StopExecution", &Service::stop_execution},
      {"UpdateMapRun", &Service::update_map_run},
      {"UpdateStateMachine", &Service::update_state_machine},
      {"ValidateStateMachineDefinition", &Service::validate_definition},
  };
  const auto found = operations.find(call.operation);
  auto result = found == operations.end() ? std::unexpected(unknown_operation("Step Functions", call.operation))
                                          : (this->*found->second)(call.parameters);
  call.answer(std::move(result));
}

}  // namespace tillite
