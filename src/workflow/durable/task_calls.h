#pragma once

#include <map>

#include "ports/execution_store.h"
#include "ports/object_store.h"
#include "workflow/task_runner.h"
#include "workflow/walk_events.h"

namespace tillite {

/// Does a Task's call and says how it ended, in AWS's words: a function's error becomes the cause that Lambda gives,
/// {"errorMessage", "errorType"}; lambda:invoke wraps the function's result. Nothing if the call was cancelled.
[[nodiscard]] std::optional<News> call_task(TaskRunner& runner, const TaskCall& call, const std::string& execution_id,
                                            std::stop_token stop);

/// The function that a call goes to; empty if to none.
[[nodiscard]] std::string function_of(const TaskCall& call);

/// Reads a Distributed Map's items from an object, or lists objects as items. An object may have at most 64 MiB.
[[nodiscard]] News read_items(const ItemsToRead& wanted, const std::map<std::string, ObjectStore*>& buckets);

/// Writes the children of a map run into objects below the writer's Prefix: manifest.json, SUCCEEDED_{n}.json and
/// FAILED_{n}.json, as AWS does.
[[nodiscard]] News write_results(const ResultsToWrite& wanted, const std::string& map_run_arn, ExecutionStore& store,
                                 const std::map<std::string, ObjectStore*>& buckets);

/// The message inside a cause of Lambda's form, else the cause itself: for people.
[[nodiscard]] std::string message_of_cause(const std::string& cause);

}  // namespace tillite
