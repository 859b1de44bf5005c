#pragma once

#include <expected>

#include "ports/execution_store.h"
#include "workflow/interpreter.h"

namespace tillite {

/// What a Task with the resource "arn:aws:states:::states:startExecution", with ".sync", ".sync:2" or
/// ".waitForTaskToken" behind it or not, asks for: another execution, which this engine walks, too.
struct NestedStart {
  /// `end`: of the new execution, whose description is the task's result.
  enum class WaitsFor { nothing, end, token };
  WaitsFor waits_for = WaitsFor::nothing;
  bool parses_output = false;  ///< ".sync:2": input and output are values in the description, not texts
  std::string machine;
  std::string machine_arn;  ///< as it was asked for
  std::string name;
  std::string input;  ///< JSON
};

[[nodiscard]] bool starts_execution(const std::string& resource);
/// Whether it also waits for the end of what it starts.
[[nodiscard]] bool waits_for_end(const std::string& resource);

/// The call's parameters: StateMachineArn, Name (`name` if there is none, which must be the same each time that this
/// very request is made), Input (a value, or a text of JSON; {} if there is none). A failure is worded as AWS does.
[[nodiscard]] std::expected<NestedStart, Failure> nested_start(const TaskCall& call, const std::string& name);

/// A refusal of StartExecution: "StepFunctions.ExecutionAlreadyExistsException" of "ExecutionAlreadyExists".
[[nodiscard]] Failure start_refused(std::string_view code, std::string_view message);

/// StartExecution's answer as the task's output: ExecutionArn, StartDate (milliseconds), and what AWS adds.
[[nodiscard]] Value start_answer(const ExecutionRow& started, const std::string& execution_arn);

/// The id of the execution that such an answer names; empty if it names none.
[[nodiscard]] std::string started_id(const Value& answer);

/// How the execution ended, as the end of the task that waited for it: its description, or States.TaskFailed with the
/// description as cause.
[[nodiscard]] News nested_end(const ExecutionRow& ended, const std::string& execution_arn,
                              const std::string& machine_arn, bool parses_output);

}  // namespace tillite
