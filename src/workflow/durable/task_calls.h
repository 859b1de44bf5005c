#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "workflow/task_runner.h"
#include "workflow/walk_events.h"

namespace tillite {

/// Does a Task's call and says how it ended, in AWS's words: a function's error becomes the cause that Lambda gives,
/// {"errorMessage", "errorType"}; lambda:invoke wraps the function's result. Nothing if the call was cancelled.
[[nodiscard]] std::optional<News> call_task(TaskRunner& runner, const TaskCall& call, const std::string& execution_id,
                                            std::stop_token stop);

/// The function that a call goes to; empty if to none.
[[nodiscard]] std::string function_of(const TaskCall& call);

/// The message inside a cause of Lambda's form, else the cause itself: for people.
[[nodiscard]] std::string message_of_cause(const std::string& cause);

}  // namespace tillite
