// Step Functions' operations on executions and map runs.
#include <algorithm>

#include "base/uuid.h"
#include "server/aws_error.h"
#include "server/execution_event_json.h"
#include "server/step_functions_parameters.h"
#include "server/step_functions_service.h"

namespace tillite {
namespace {

constexpr std::int64_t kBilledMsStep = 100;
constexpr std::int64_t kBilledMemoryMb = 64;
constexpr double kPercentMax = 100;

std::unexpected<Error> execution_missing(const Error& error, const ExecutionArn& arn) {
  if (error.code() != Code::not_found) return std::unexpected(error);
  return aws_error("ExecutionDoesNotExist",
                   fmt::format("Execution Does Not Exist: '{}'", execution_arn(arn.place, arn.id, arn.is_express)));
}

std::unexpected<Error> map_run_missing(const Error& error, const NameArn& arn) {
  if (error.code() != Code::not_found) return std::unexpected(error);
  return aws_error("ResourceNotFound", fmt::format("Resource not found: '{}'", map_run_arn(arn.place, arn.name)));
}

/// An express execution's name is followed by an id, since its names need not differ.
std::string given_name(const ExecutionInfo& info) {
  return info.is_express ? info.id.name.substr(0, info.id.name.find(':')) : info.id.name;
}

Json summary_json(const ExecutionInfo& info, const AwsPlace& place) {
  Json json = {{"executionArn", execution_arn(place, info.id, info.is_express)},
               {"stateMachineArn", machine_arn(place, info.id.machine)},
               {"name", given_name(info)},
               {"status", info.status},
               {"startDate", json_time(info.started_ms)}};
  if (info.stopped_ms) json["stopDate"] = json_time(*info.stopped_ms);
  if (!info.map_run.empty()) json["mapRunArn"] = map_run_arn(place, info.map_run);
  return json;
}

/// Input, output and why it failed.
void set_data(Json& json, const ExecutionInfo& info, bool all_data) {
  if (info.error) json["error"] = *info.error;
  if (info.cause) json["cause"] = *info.cause;
  if (!all_data) return;
  json["input"] = to_text(info.input);
  json["inputDetails"] = {{"included", true}};
  if (!info.output) return;
  json["output"] = to_text(*info.output);
  json["outputDetails"] = {{"included", true}};
}

Json sync_json(const ExecutionInfo& info, const AwsPlace& place, bool all_data) {
  Json json = summary_json(info, place);
  set_data(json, info, all_data);
  const std::int64_t duration_ms =
      std::max<std::int64_t>(info.stopped_ms.value_or(info.started_ms) - info.started_ms, 1);
  const std::int64_t steps = (duration_ms + kBilledMsStep - 1) / kBilledMsStep;  // each that was begun
  json["billingDetails"] = {{"billedMemoryUsedInMB", kBilledMemoryMb},
                            {"billedDurationInMilliseconds", steps * kBilledMsStep}};
  return json;
}

Json counts_json(const StateCounts& counts) {
  return {{"pending", counts.pending},
          {"running", counts.running},
          {"succeeded", counts.succeeded},
          {"failed", counts.failed},
          {"timedOut", counts.timed_out},
          {"aborted", counts.aborted},
          {"total", counts.total},
          {"resultsWritten", counts.results_written},
          {"failuresNotRedrivable", counts.failures_not_redrivable},
          {"pendingRedrive", counts.pending_redrive}};
}

/// Whether redriveFilter wants those that were redriven, or the others; nothing if all.
Result<std::optional<bool>> was_redriven_of(const Json& parameters) {
  const auto filter = TRY(optional_text_of(parameters, "redriveFilter", kTokenBytesMax));
  if (!filter) return std::nullopt;
  if (*filter == "REDRIVEN" || *filter == "NOT_REDRIVEN") return *filter == "REDRIVEN";
  return constraint_error("redriveFilter", "Member must satisfy enum value set: [REDRIVEN, NOT_REDRIVEN]");
}

/// A whole number that is not negative, if it is there.
Result<std::optional<std::int64_t>> count_of(const Json& parameters, std::string_view name) {
  const auto count = TRY(optional_int(parameters, name));
  if (!count || *count >= 0) return count;
  return aws_error("ValidationException", fmt::format("{} must not be negative", name));
}

Result<Value> parse_input(const Json& parameters) {
  const Json* const input = find_field(parameters, "input");
  if (input == nullptr) return Value(Value::Object());
  const auto refuse = [](std::string_view why) {
    return aws_error("InvalidExecutionInput", fmt::format("Invalid State Machine Execution Input: '{}'", why));
  };
  if (!input->is_string()) return refuse("it is not a text");
  const auto& text = input->get_ref<const std::string&>();
  if (text.size() > kPayloadBytesMax) return refuse(fmt::format("it has more than {} bytes", kPayloadBytesMax));
  auto value = parse_value(text, "input");
  if (!value) return refuse(value.error().message());
  return value;
}

}  // namespace

/// What StartExecution and StartSyncExecution have in common.
struct StepFunctionsService::Start {
  AwsPlace place;
  MachineInfo machine;
  ExecutionName id;
  bool is_named;
  Value input;
};

Result<StepFunctionsService::Start> StepFunctionsService::parse_start(const Json& parameters) {
  const NameArn arn = TRY(parse_machine_arn(TRY(text_of(parameters, "stateMachineArn", kArnBytesMax))));
  const auto name = TRY(optional_text_of(parameters, "name", kArnBytesMax));
  if (name) TRY(check_states_name(*name));
  MachineInfo machine = TRY(machine_named(arn));
  ExecutionName id{.machine = arn.name, .name = name ? *name : uuid4(random_.bytes())};
  if (machine.is_express) id.name += ":" + uuid4(random_.bytes());
  Value input = TRY(parse_input(parameters));
  return Start{.place = arn.place,
               .machine = std::move(machine),
               .id = std::move(id),
               .is_named = name.has_value(),
               .input = std::move(input)};
}

Result<Json> StepFunctionsService::start_execution(const Json& parameters) {
  const Start start = TRY(parse_start(parameters));
  const auto answer = [&](const ExecutionInfo& info) {
    return Json{{"executionArn", execution_arn(start.place, start.id, start.machine.is_express)},
                {"startDate", json_time(info.started_ms)}};
  };
  const auto started = backend_.start(start.id, start.input);
  if (started) return answer(*started);
  if (started.error().code() != Code::conflict) return std::unexpected(started.error());
  // The same name and input while it runs is the same request once more.
  const ExecutionInfo there = TRY(backend_.describe_execution(start.id));
  if (there.status == "RUNNING" && there.input == start.input) return answer(there);
  return aws_error("ExecutionAlreadyExists",
                   fmt::format("Execution Already Exists: '{}'", execution_arn(start.place, start.id, false)));
}

void StepFunctionsService::start_sync_execution(AwsCall call) {
  const auto all_data = wants_all_data(call.parameters);
  if (!all_data) return call.answer(std::unexpected(all_data.error()));
  const auto start = parse_start(call.parameters);
  if (!start) return call.answer(std::unexpected(start.error()));
  if (!start->machine.is_express) {
    return call.answer(
        aws_error("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine"));
  }
  backend_.start_sync(
      start->id, start->input,
      [place = start->place, all_data = *all_data,
       answer = std::move(call.answer)](Result<ExecutionInfo> ended) mutable {
        answer(ended ? Result<Json>(sync_json(*ended, place, all_data)) : std::unexpected(ended.error()));
      });
}

Result<Json> StepFunctionsService::describe_execution(const Json& parameters) {
  const ExecutionArn arn = TRY(parse_execution_arn(TRY(text_of(parameters, "executionArn", kArnBytesMax))));
  const bool all_data = TRY(wants_all_data(parameters));
  const auto info = backend_.describe_execution(arn.id);
  if (!info) return execution_missing(info.error(), arn);
  Json json = summary_json(*info, arn.place);
  set_data(json, *info, all_data);
  json["redriveCount"] = info->redrive_count;
  if (info->redriven_ms) json["redriveDate"] = json_time(*info->redriven_ms);
  if (!info->redrive_status.empty()) json["redriveStatus"] = info->redrive_status;
  if (!info->redrive_status_reason.empty()) json["redriveStatusReason"] = info->redrive_status_reason;
  return json;
}

Result<Json> StepFunctionsService::describe_state_machine_for_execution(const Json& parameters) {
  const ExecutionArn arn = TRY(parse_execution_arn(TRY(text_of(parameters, "executionArn", kArnBytesMax))));
  const bool all_data = TRY(wants_all_data(parameters));
  const auto machine = backend_.machine_of_execution(arn.id);
  if (!machine) return execution_missing(machine.error(), arn);
  Json json = {{"stateMachineArn", machine_arn(arn.place, machine->name)},
               {"name", machine->name},
               {"roleArn", machine->role_arn},
               {"updateDate", json_time(machine->updated_ms)},
               {"loggingConfiguration", {{"level", "OFF"}, {"includeExecutionData", false}}},
               {"tracingConfiguration", {{"enabled", false}}}};
  if (all_data) json["definition"] = machine->definition;
  if (!machine->revision_id.empty()) json["revisionId"] = machine->revision_id;
  return json;
}

Result<Json> StepFunctionsService::list_executions(const Json& parameters) {
  const auto machine = TRY(optional_text_of(parameters, "stateMachineArn", kArnBytesMax));
  const auto map_run = TRY(optional_text_of(parameters, "mapRunArn", kArnBytesMax));
  if (machine.has_value() == map_run.has_value()) {
    return aws_error("ValidationException", "Either a state machine ARN or a Map Run ARN must be specified, not both");
  }
  const NameArn arn = machine ? TRY(parse_machine_arn(*machine)) : TRY(parse_map_run_arn(*map_run));
  ExecutionQuery query{.status = TRY(optional_text_of(parameters, "statusFilter", kTokenBytesMax)).value_or("")};
  (machine ? query.machine : query.map_run) = arn.name;
  query.was_redriven = TRY(was_redriven_of(parameters));
  if (machine) {
    if (TRY(machine_named(arn)).is_express) {
      return aws_error("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine");
    }
  }
  query.count_max = TRY(page_size_of(parameters));
  query.after = TRY(optional_text_of(parameters, "nextToken", kTokenBytesMax)).value_or("");
  const auto page = backend_.list_executions(query);
  if (!page && page.error().code() == Code::invalid_input) return invalid_token();
  if (!page) return map_run_missing(page.error(), arn);
  Json answer = {{"executions", Json::array()}};
  for (const ExecutionInfo& info : page->executions) {
    Json json = summary_json(info, arn.place);
    if (info.item_count) json["itemCount"] = *info.item_count;
    json["redriveCount"] = info.redrive_count;
    if (info.redriven_ms) json["redriveDate"] = json_time(*info.redriven_ms);
    answer["executions"].push_back(std::move(json));
  }
  if (!page->next.empty()) answer["nextToken"] = page->next;
  return answer;
}

Result<Json> StepFunctionsService::get_execution_history(const Json& parameters) {
  const ExecutionArn arn = TRY(parse_execution_arn(TRY(text_of(parameters, "executionArn", kArnBytesMax))));
  const std::size_t size = TRY(page_size_of(parameters));
  HistoryQuery query{.count_max = size + 1};
  query.newest_first = TRY(optional_bool(parameters, "reverseOrder")).value_or(false);
  query.after = TRY(number_token_of(parameters));
  const bool with_data = TRY(optional_bool(parameters, "includeExecutionData")).value_or(true);
  const auto events = backend_.history(arn.id, query);
  if (!events) return execution_missing(events.error(), arn);
  Json answer = {{"events", Json::array()}};
  for (const ExecutionEvent& event : *events) {
    if (answer["events"].size() == size) {
      answer["nextToken"] = std::to_string((*events)[size - 1].id);
      break;
    }
    answer["events"].push_back(json_of(event, with_data));
  }
  return answer;
}

Result<Json> StepFunctionsService::stop_execution(const Json& parameters) {
  const ExecutionArn arn = TRY(parse_execution_arn(TRY(text_of(parameters, "executionArn", kArnBytesMax))));
  const auto error = TRY(optional_text_of(parameters, "error", kErrorBytesMax)).value_or("");
  const auto cause = TRY(optional_text_of(parameters, "cause", kCauseBytesMax)).value_or("");
  const auto stopped_ms = backend_.stop(arn.id, error, cause);
  if (!stopped_ms) return execution_missing(stopped_ms.error(), arn);
  return Json{{"stopDate", json_time(*stopped_ms)}};
}

Result<Json> StepFunctionsService::redrive_execution(const Json& parameters) {
  const ExecutionArn arn = TRY(parse_execution_arn(TRY(text_of(parameters, "executionArn", kArnBytesMax))));
  const auto redriven_ms = backend_.redrive(arn.id);
  if (!redriven_ms) return execution_missing(redriven_ms.error(), arn);
  return Json{{"redriveDate", json_time(*redriven_ms)}};
}

Result<Json> StepFunctionsService::describe_map_run(const Json& parameters) {
  const NameArn arn = TRY(parse_map_run_arn(TRY(text_of(parameters, "mapRunArn", kArnBytesMax))));
  const auto run = backend_.describe_map_run(arn.name);
  if (!run) return map_run_missing(run.error(), arn);
  Json json = {{"mapRunArn", map_run_arn(arn.place, run->id)},
               {"executionArn", execution_arn(arn.place, run->execution, false)},
               {"status", run->status},
               {"startDate", json_time(run->started_ms)},
               {"maxConcurrency", run->max_concurrency},
               {"toleratedFailurePercentage", run->tolerated_failure_percentage},
               {"toleratedFailureCount", run->tolerated_failure_count},
               {"itemCounts", counts_json(run->items)},
               {"executionCounts", counts_json(run->executions)},
               {"redriveCount", run->redrive_count}};
  if (run->stopped_ms) json["stopDate"] = json_time(*run->stopped_ms);
  if (run->redriven_ms) json["redriveDate"] = json_time(*run->redriven_ms);
  return json;
}

Result<Json> StepFunctionsService::list_map_runs(const Json& parameters) {
  const ExecutionArn arn = TRY(parse_execution_arn(TRY(text_of(parameters, "executionArn", kArnBytesMax))));
  const auto runs = backend_.list_map_runs(arn.id);
  if (!runs) return execution_missing(runs.error(), arn);
  std::vector<Json> entries;
  for (const MapRunInfo& run : *runs) {
    Json json = {{"executionArn", execution_arn(arn.place, run.execution, false)},
                 {"mapRunArn", map_run_arn(arn.place, run.id)},
                 {"stateMachineArn", machine_arn(arn.place, run.id.substr(0, run.id.find(':')))},
                 {"startDate", json_time(run.started_ms)}};
    if (run.stopped_ms) json["stopDate"] = json_time(*run.stopped_ms);
    entries.push_back(std::move(json));
  }
  return page_of_list(std::move(entries), "mapRuns", parameters);
}

Result<Json> StepFunctionsService::update_map_run(const Json& parameters) {
  const NameArn arn = TRY(parse_map_run_arn(TRY(text_of(parameters, "mapRunArn", kArnBytesMax))));
  MapRunChange change;
  change.max_concurrency = TRY(count_of(parameters, "maxConcurrency"));
  change.tolerated_failure_count = TRY(count_of(parameters, "toleratedFailureCount"));
  change.tolerated_failure_percentage = TRY(optional_number(parameters, "toleratedFailurePercentage"));
  const auto& percentage = change.tolerated_failure_percentage;
  if (percentage && (*percentage < 0 || *percentage > kPercentMax))
    return aws_error("ValidationException", "toleratedFailurePercentage must be between 0 and 100");
  const auto changed = backend_.change_map_run(arn.name, change);
  if (changed) return Json::object();
  if (changed.error().code() == Code::conflict) return aws_error("ValidationException", changed.error().message());
  return map_run_missing(changed.error(), arn);
}

}  // namespace tillite
