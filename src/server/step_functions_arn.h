#pragma once

#include "server/arn.h"
#include "server/step_functions_backend.h"

namespace tillite {

// The ARNs of Step Functions. Region and account are whatever a request says, and are answered as they were asked, so
// that what a script built from its own ARN fits.
//
//     stateMachine:NAME             stateMachine:NAME/LABEL: the children of a Distributed Map
//     execution:MACHINE:NAME        express:MACHINE:NAME:UUID
//     mapRun:MACHINE/LABEL:UUID     activity:NAME

/// A state machine, an activity or a map run.
struct NameArn {
  AwsPlace place;
  std::string name;
};
struct ExecutionArn {
  AwsPlace place;
  ExecutionName id;
  bool is_express = false;
};

// Each fails with InvalidArn.
[[nodiscard]] Result<NameArn> parse_machine_arn(std::string_view text);
[[nodiscard]] Result<NameArn> parse_activity_arn(std::string_view text);
[[nodiscard]] Result<NameArn> parse_map_run_arn(std::string_view text);
[[nodiscard]] Result<ExecutionArn> parse_execution_arn(std::string_view text);

[[nodiscard]] std::string machine_arn(const AwsPlace& place, std::string_view name);
[[nodiscard]] std::string activity_arn(const AwsPlace& place, std::string_view name);
[[nodiscard]] std::string map_run_arn(const AwsPlace& place, std::string_view id);
[[nodiscard]] std::string execution_arn(const AwsPlace& place, const ExecutionName& id, bool is_express);

/// What may name a state machine, an execution or an activity: 1 to 80 characters, no blanks, brackets, wildcards and
/// special characters (CreateStateMachine, `name`). Fails with InvalidName.
[[nodiscard]] Result<void> check_states_name(std::string_view name);

}  // namespace tillite
