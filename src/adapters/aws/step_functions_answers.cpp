#include "adapters/aws/step_functions_answers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace tillite {
namespace {

constexpr double kMsPerSecond = 1000;
constexpr double kSecondsMax = 1e11;
constexpr std::size_t kShownBytesMax = 100;

constexpr std::array<std::pair<RemoteStatus, std::string_view>, 6> kStatuses = {
    {{RemoteStatus::running, "RUNNING"},
     {RemoteStatus::succeeded, "SUCCEEDED"},
     {RemoteStatus::failed, "FAILED"},
     {RemoteStatus::timed_out, "TIMED_OUT"},
     {RemoteStatus::aborted, "ABORTED"},
     {RemoteStatus::pending_redrive, "PENDING_REDRIVE"}}};

/// A field of an answer: Step Functions promised it.
template <typename T>
Result<T> promised(Result<T> field, std::string_view what) {
  if (field) return field;
  return fail(Code::corrupt, "{} of Step Functions: {}", what, field.error().message());
}

Result<RemoteStatus> parse_status(const std::string& text) {
  const auto* const found = std::ranges::find(kStatuses, text, &decltype(kStatuses)::value_type::second);
  if (found == kStatuses.end()) {
    return fail(Code::corrupt, "an execution of Step Functions has the status '{}'", text.substr(0, kShownBytesMax));
  }
  return found->first;
}

/// Times are seconds with a fraction.
Result<std::int64_t> parse_time_ms(double seconds) {
  if (!(seconds >= 0) || seconds > kSecondsMax) return fail(Code::corrupt, "{} is no time", seconds);
  return std::llround(seconds * kMsPerSecond);
}

Result<std::optional<std::int64_t>> optional_time_ms(const Json& object, std::string_view name, std::string_view what) {
  const auto seconds = TRY(promised(optional_number(object, name), what));
  if (!seconds) return std::nullopt;
  return TRY(parse_time_ms(*seconds));
}

/// The details of an event stand under a name of its type's: the one field that is an object and so called.
Json details_of(const Json& event) {
  for (const auto& [name, value] : event.items()) {
    if (name.ends_with("EventDetails") && value.is_object()) return value;
  }
  return Json::object();
}

Result<RemoteEvent> parse_event(const Json& json) {
  constexpr std::string_view what = "an event";
  RemoteEvent event;
  event.id = TRY(promised(int_field(json, "id"), what));
  event.previous_id = TRY(promised(optional_int(json, "previousEventId"), what)).value_or(0);
  event.time_ms = TRY(parse_time_ms(TRY(promised(number_field(json, "timestamp"), what))));
  event.type = TRY(promised(string_field(json, "type"), what));
  event.details = details_of(json);
  return event;
}

Result<RemoteMachine> parse_machine(const Json& json) {
  constexpr std::string_view what = "a state machine";
  RemoteMachine machine;
  machine.arn = TRY(promised(string_field(json, "stateMachineArn"), what));
  machine.name = TRY(promised(string_field(json, "name"), what));
  return machine;
}

/// The entries of a page, and where the next one begins.
template <typename Entry>
Result<std::string> parse_page(const Json& answer, std::string_view field, Result<Entry> (*parse)(const Json&),
                               std::vector<Entry>& entries) {
  for (const Json& json : TRY(promised(array_field(answer, field), "a page"))) {
    entries.push_back(TRY(parse(json)));
  }
  return TRY(promised(optional_string(answer, "nextToken"), "a page")).value_or("");
}

}  // namespace

std::string_view name_of(RemoteStatus status) {
  const auto* const found = std::ranges::find(kStatuses, status, &decltype(kStatuses)::value_type::first);
  return found->second;
}

bool has_ended(RemoteStatus status) {
  return status != RemoteStatus::running && status != RemoteStatus::pending_redrive;
}

Result<RemoteExecution> parse_execution(const Json& answer) {
  constexpr std::string_view what = "an execution";
  RemoteExecution execution;
  execution.arn = TRY(promised(string_field(answer, "executionArn"), what));
  execution.name = TRY(promised(optional_string(answer, "name"), what)).value_or("");
  execution.machine_arn = TRY(promised(string_field(answer, "stateMachineArn"), what));
  execution.status = TRY(parse_status(TRY(promised(string_field(answer, "status"), what))));
  execution.start_ms = TRY(parse_time_ms(TRY(promised(number_field(answer, "startDate"), what))));
  execution.stop_ms = TRY(optional_time_ms(answer, "stopDate", what));
  execution.input = TRY(promised(optional_string(answer, "input"), what)).value_or("");
  execution.output = TRY(promised(optional_string(answer, "output"), what));
  execution.error = TRY(promised(optional_string(answer, "error"), what));
  execution.cause = TRY(promised(optional_string(answer, "cause"), what));
  execution.redrive_count = TRY(promised(optional_int(answer, "redriveCount"), what)).value_or(0);
  return execution;
}

Result<RemoteExecutionPage> parse_execution_page(const Json& answer) {
  RemoteExecutionPage page;
  page.next_token = TRY(parse_page(answer, "executions", &parse_execution, page.executions));
  return page;
}

Result<RemoteEventPage> parse_event_page(const Json& answer) {
  RemoteEventPage page;
  page.next_token = TRY(parse_page(answer, "events", &parse_event, page.events));
  return page;
}

Result<RemoteMachinePage> parse_machine_page(const Json& answer) {
  RemoteMachinePage page;
  page.next_token = TRY(parse_page(answer, "stateMachines", &parse_machine, page.machines));
  return page;
}

}  // namespace tillite
