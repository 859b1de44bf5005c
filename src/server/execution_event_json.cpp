#include "server/execution_event_json.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tillite {
namespace {

struct Member {
  std::string_view event_type;
  std::string_view name;
};
/// In the order of AWS's API reference (HistoryEvent). "...StateEntered" and "...StateExited" go by their ends.
constexpr std::array kMembers = {
    Member{"ActivityFailed", "activityFailedEventDetails"},
    Member{"ActivityScheduleFailed", "activityScheduleFailedEventDetails"},
    Member{"ActivityScheduled", "activityScheduledEventDetails"},
    Member{"ActivityStarted", "activityStartedEventDetails"},
    Member{"ActivitySucceeded", "activitySucceededEventDetails"},
    Member{"ActivityTimedOut", "activityTimedOutEventDetails"},
    Member{"EvaluationFailed", "evaluationFailedEventDetails"},
    Member{"ExecutionAborted", "executionAbortedEventDetails"},
    Member{"ExecutionFailed", "executionFailedEventDetails"},
    Member{"ExecutionRedriven", "executionRedrivenEventDetails"},
    Member{"ExecutionStarted", "executionStartedEventDetails"},
    Member{"ExecutionSucceeded", "executionSucceededEventDetails"},
    Member{"ExecutionTimedOut", "executionTimedOutEventDetails"},
    Member{"LambdaFunctionFailed", "lambdaFunctionFailedEventDetails"},
    Member{"LambdaFunctionScheduleFailed", "lambdaFunctionScheduleFailedEventDetails"},
    Member{"LambdaFunctionScheduled", "lambdaFunctionScheduledEventDetails"},
    Member{"LambdaFunctionStartFailed", "lambdaFunctionStartFailedEventDetails"},
    Member{"LambdaFunctionSucceeded", "lambdaFunctionSucceededEventDetails"},
    Member{"LambdaFunctionTimedOut", "lambdaFunctionTimedOutEventDetails"},
    Member{"MapIterationAborted", "mapIterationAbortedEventDetails"},
    Member{"MapIterationFailed", "mapIterationFailedEventDetails"},
    Member{"MapIterationStarted", "mapIterationStartedEventDetails"},
    Member{"MapIterationSucceeded", "mapIterationSucceededEventDetails"},
    Member{"MapRunFailed", "mapRunFailedEventDetails"},
    Member{"MapRunRedriven", "mapRunRedrivenEventDetails"},
    Member{"MapRunStarted", "mapRunStartedEventDetails"},
    Member{"MapStateStarted", "mapStateStartedEventDetails"},
    Member{"TaskFailed", "taskFailedEventDetails"},
    Member{"TaskScheduled", "taskScheduledEventDetails"},
    Member{"TaskStartFailed", "taskStartFailedEventDetails"},
    Member{"TaskStarted", "taskStartedEventDetails"},
    Member{"TaskSubmitFailed", "taskSubmitFailedEventDetails"},
    Member{"TaskSubmitted", "taskSubmittedEventDetails"},
    Member{"TaskSucceeded", "taskSucceededEventDetails"},
    Member{"TaskTimedOut", "taskTimedOutEventDetails"},
};

/// "input" of an event is a JSON text, and so is each variable that it assigned.
Json details_json(const Value::Object& details, bool with_data) {
  Json json = Json::object();
  for (const auto& [name, value] : details) {
    if (name == "input" || name == "output") {
      if (!with_data) continue;
      json[name] = to_text(value);
      json[name + "Details"] = {{"truncated", false}};
    } else if (name == "parameters") {
      if (with_data) json[name] = to_text(value);
    } else if (name == "assignedVariables" && value.is_object()) {
      if (!with_data) continue;
      for (const auto& [variable, assigned] : value.object()) json[name][variable] = to_text(assigned);
      json["assignedVariablesDetails"] = {{"truncated", false}};
    } else {
      json[name] = to_json(value);
    }
  }
  return json;
}

}  // namespace

std::string_view details_member(std::string_view event_type) {
  if (event_type.ends_with("StateEntered")) return "stateEnteredEventDetails";
  if (event_type.ends_with("StateExited")) return "stateExitedEventDetails";
  const auto* const found = std::ranges::find(kMembers, event_type, &Member::event_type);
  return found == kMembers.end() ? std::string_view() : found->name;
}

Json json_time(std::int64_t epoch_ms) {
  constexpr double kMsPerSecond = 1000;
  return static_cast<double>(epoch_ms) / kMsPerSecond;
}

Json json_of(const ExecutionEvent& event, bool with_data) {
  Json json = {{"id", event.id},
               {"previousEventId", event.previous_id},
               {"type", event.type},
               {"timestamp", json_time(event.timestamp_ms)}};
  const std::string_view member = details_member(event.type);
  if (member.empty() || !event.details.is_object()) return json;
  json[std::string(member)] = details_json(event.details.object(), with_data);
  return json;
}

}  // namespace tillite
