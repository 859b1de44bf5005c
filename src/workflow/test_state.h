#pragma once

#include "workflow/interpreter.h"
#include "workflow/task_runner.h"

namespace tillite {

/// What TestState is asked: to visit one state, as if an execution had come there.
struct TestStateRequest {
  enum class InspectionLevel { info, debug, trace };

  /// What the state yields in place of what it would do outside: one of the two.
  struct Mock {
    std::optional<Value> result;
    std::optional<Failure> error;
  };
  /// What went before, and inside a Map or Parallel.
  struct Configuration {
    std::int64_t retries = 0;                ///< of the Retry that the mocked error matches
    std::int64_t iterations_failed = 0;      ///< of a Distributed Map
    std::optional<std::string> items_text;   ///< what its ItemReader reads, as it lies in the store
    std::optional<std::string> error_state;  ///< in which state of a Map or Parallel the mocked error happened
  };

  Value definition;                       ///< of a state; or of a state machine, whose state is then named:
  std::optional<std::string> state_name;  ///< in it, at any depth
  Value input = Value::Object();
  InspectionLevel level = InspectionLevel::info;
  std::optional<Mock> mock;
  std::optional<Value> context;  ///< the context object; made up if absent
  Variables variables;
  Configuration configuration;
  bool reveals_secrets = false;
  std::string role_arn;
};

/// The request in the API's JSON (TestState of AWS Step Functions, version 2016-11-23), in which definition, input,
/// context, variables and results are texts; what is no text there counts as the value itself. `invalid_input`, named
/// as AWS's exception, for what is no such request or beyond the API's limits.
[[nodiscard]] Result<TestStateRequest> test_state_request(const Value& wire);

/// Where a state is tested.
struct TestStateSurroundings {
  std::string region = "us-east-1";
  std::string account = "000000000000";
  std::string execution_name = "test";  ///< randomness follows from it
  std::int64_t now_ms = 0;
  TaskRunner* tasks = nullptr;  ///< what a Task without a mock calls; must outlive the test
  std::stop_token stop;         ///< requested: such a task ends soon, as timed out
};

/// AWS's answer, with values in place of texts: status (SUCCEEDED, FAILED, RETRIABLE, CAUGHT_ERROR), output, error,
/// cause, nextState, and inspectionData from the level DEBUG on; fields that have nothing to say are absent. Waits take
/// no time. `invalid_input`, named ValidationException or InvalidDefinition, for what AWS refuses; `unsupported` for a
/// Task that has neither a mock nor somebody who runs it.
///
/// A mocked result is taken as it is, whatever fieldValidationMode says: the models of AWS's services are not here.
[[nodiscard]] Result<Value> test_state(const TestStateRequest& request, const TestStateSurroundings& surroundings = {});

/// That answer in the API's JSON, in which output and the inspected data are texts.
[[nodiscard]] Value test_state_wire(const Value& answer);

}  // namespace tillite
