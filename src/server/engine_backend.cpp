#include "server/engine_backend.h"

#include <algorithm>
#include <array>
#include <memory>

#include "base/hash.h"
#include "workflow/validation.h"

namespace tillite {
namespace {

constexpr std::int64_t kExpressMsMax = 5 * 60'000;  // what an express execution may take on AWS
constexpr std::size_t kRevisionDigits = 36;

ExecutionId id_of(const ExecutionName& name) { return ExecutionId(fmt::format("{}:{}", name.machine, name.name)); }

MachineType type_of(bool is_express) { return is_express ? MachineType::express : MachineType::standard; }

MachineInfo info_of(const MachineRow& row) {
  MachineInfo info = {.name = row.name,
                      .definition = row.definition,
                      .is_express = row.type == "EXPRESS",
                      .role_arn = row.role_arn,
                      .created_ms = row.created_ms,
                      .updated_ms = row.updated_ms};
  // As on AWS a machine has none before its first update.
  if (row.updated_ms != row.created_ms) {
    info.revision_id =
        sha256_hex(fmt::format("{}\n{}\n{}", row.definition, row.role_arn, row.updated_ms)).substr(0, kRevisionDigits);
  }
  return info;
}

MachineRow row_of(const MachineInfo& info) {
  return {.name = info.name,
          .type = info.is_express ? "EXPRESS" : "STANDARD",
          .definition = info.definition,
          .role_arn = info.role_arn,
          .created_ms = info.created_ms,
          .updated_ms = info.updated_ms};
}

ExecutionInfo info_of(const Execution& execution) {
  const bool is_express = execution.type == MachineType::express;
  const auto status = std::string(execution_status_name(execution.status));
  ExecutionInfo info = {.id = {.machine = execution.state_machine, .name = execution.name},
                        .is_express = is_express,
                        .status = status,
                        .started_ms = execution.started_ms,
                        .input = execution.input,
                        .cause = execution.cause,
                        .map_run = execution.map_run,
                        .redrive_count = execution.redrives};
  if (execution.stopped_ms > 0) info.stopped_ms = execution.stopped_ms;
  if (execution.status == ExecutionStatus::succeeded) info.output = execution.output;
  if (!execution.error.empty()) info.error = execution.error;
  if (execution.redriven_ms > 0) info.redriven_ms = execution.redriven_ms;
  if (is_express) return info;
  if (execution.status == ExecutionStatus::running || execution.status == ExecutionStatus::succeeded) {
    info.redrive_status = "NOT_REDRIVABLE";
    info.redrive_status_reason = fmt::format("Execution is {} and cannot be redriven", status);
  } else {
    info.redrive_status = execution.map_run.empty() ? "REDRIVABLE" : "REDRIVABLE_BY_MAP_RUN";
  }
  return info;
}

MapRunInfo info_of(const MapRunRow& row) {
  const std::size_t colon = row.execution.find(':');
  const StateCounts counts = {.running = row.total - row.succeeded - row.failed - row.aborted,
                              .succeeded = row.succeeded,
                              .failed = row.failed,
                              .aborted = row.aborted,
                              .total = row.total};
  MapRunInfo info = {.id = row.id,
                     .execution = {.machine = row.execution.substr(0, colon),
                                   .name = row.execution.substr(std::min(colon + 1, row.execution.size()))},
                     .status = row.status,
                     .started_ms = row.started_ms,
                     .max_concurrency = row.limits.concurrency_max,
                     .tolerated_failure_percentage = row.limits.tolerated_failure_percentage.value_or(0),
                     .tolerated_failure_count = row.limits.tolerated_failure_count.value_or(0),
                     .items = counts,
                     .executions = counts};
  if (row.stopped_ms > 0) info.stopped_ms = row.stopped_ms;
  return info;
}

Result<std::optional<ExecutionStatus>> parse_status(const std::string& name) {
  if (name.empty()) return std::nullopt;
  for (const auto status : {ExecutionStatus::running, ExecutionStatus::succeeded, ExecutionStatus::failed,
                            ExecutionStatus::timed_out, ExecutionStatus::aborted}) {
    if (execution_status_name(status) == name) return status;
  }
  return std::unexpected(Error(Code::invalid_input, fmt::format("statusFilter cannot be '{}'", name.substr(0, 80)))
                             .named("ValidationException"));
}

}  // namespace

// ---------------------------------------------------------------------------------------------------- machines

Result<MachineRow> EngineBackend::machine_row(const std::string& name) {
  auto row = TRY(store_.machine(name));
  if (!row) return fail(Code::not_found, "there is no state machine '{}'", name);
  return *std::move(row);
}

Result<void> EngineBackend::provide(const MachineInfo& machine) {
  const std::scoped_lock lock(machines_mutex_);
  MachineRow row = row_of(machine);
  row.created_ms = row.updated_ms = clock_.now_ms();
  if (const auto there = TRY(store_.machine(machine.name))) {
    if (there->updated_ms != there->created_ms || there->definition == machine.definition) return {};
    row.created_ms = row.updated_ms = there->created_ms;
  }
  return store_.put_machine(row);
}

std::vector<DefinitionFinding> EngineBackend::validate(const std::string& definition, bool is_express) {
  std::vector<DefinitionFinding> findings;
  for (Diagnostic& found : tillite::validate(definition, type_of(is_express))) {
    findings.push_back({.is_error = found.severity == Diagnostic::Severity::error,
                        .code = std::move(found.code),
                        .message = std::move(found.message),
                        .location = std::move(found.location)});
  }
  if (!findings.empty()) return findings;
  // What the engine cannot walk is wrong here, whatever AWS would say.
  const auto machine = StateMachine::parse("definition", definition, type_of(is_express));
  if (!machine) findings.push_back({.code = "SCHEMA_VALIDATION_FAILED", .message = machine.error().message()});
  return findings;
}

Result<MachineInfo> EngineBackend::create_machine(const MachineInfo& machine) {
  const std::scoped_lock lock(machines_mutex_);
  if (TRY(store_.machine(machine.name))) {
    return fail(Code::conflict, "there is a state machine '{}'", machine.name);
  }
  MachineRow row = row_of(machine);
  row.created_ms = row.updated_ms = clock_.now_ms();
  TRY(store_.put_machine(row));
  return info_of(row);
}

Result<MachineInfo> EngineBackend::update_machine(const std::string& name, const std::optional<std::string>& definition,
                                                  const std::optional<std::string>& role_arn) {
  const std::scoped_lock lock(machines_mutex_);
  MachineRow row = TRY(machine_row(name));
  if (definition) row.definition = *definition;
  if (role_arn) row.role_arn = *role_arn;
  row.updated_ms = std::max(clock_.now_ms(), row.updated_ms + 1);  // each update is another revision
  TRY(store_.put_machine(row));
  return info_of(row);
}

Result<MachineInfo> EngineBackend::describe_machine(const std::string& name) { return info_of(TRY(machine_row(name))); }

Result<void> EngineBackend::delete_machine(const std::string& name) {
  TRY(store_.remove_machine(name));
  return {};
}

Result<std::vector<MachineInfo>> EngineBackend::list_machines() {
  std::vector<MachineInfo> machines;
  for (const MachineRow& row : TRY(store_.machines())) machines.push_back(info_of(row));
  return machines;
}

// -------------------------------------------------------------------------------------------------- executions

Result<ExecutionInfo> EngineBackend::start(const ExecutionName& id, const Value& input) {
  const MachineRow row = TRY(machine_row(id.machine));
  const StateMachine machine = TRY(StateMachine::parse(row.name, row.definition, type_of(row.type == "EXPRESS")));
  return info_of(TRY(engine_.start(machine, input, id.name)));
}

void EngineBackend::start_sync(const ExecutionName& id, const Value& input,
                               std::move_only_function<void(Result<ExecutionInfo>)> ended) {
  const auto started = start(id, input);
  if (!started) return ended(std::unexpected(started.error()));
  polls_.add(kExpressMsMax, [this, id, ended = std::move(ended)](bool is_last) mutable {
    auto info = describe_execution(id);
    if (info && info->status == "RUNNING") {
      if (!is_last) return false;
      info = fail(Code::unavailable, "the execution {} goes on, but is not waited for any longer", id_of(id).str());
    }
    ended(std::move(info));
    return true;
  });
}

Result<ExecutionInfo> EngineBackend::describe_execution(const ExecutionName& id) {
  return info_of(TRY(engine_.describe(id_of(id))));
}

Result<MachineInfo> EngineBackend::machine_of_execution(const ExecutionName& id) {
  const Execution execution = TRY(engine_.describe(id_of(id)));
  MachineInfo info = {.name = execution.state_machine,
                      .definition = execution.definition,
                      .is_express = execution.type == MachineType::express,
                      .created_ms = execution.started_ms,
                      .updated_ms = execution.started_ms};
  // It may have been changed, or deleted, since the execution began.
  if (const auto row = TRY(store_.machine(execution.state_machine))) {
    info.role_arn = row->role_arn;
    if (row->definition == execution.definition) info.updated_ms = row->updated_ms;
  }
  return info;
}

Result<ExecutionsPage> EngineBackend::list_executions(const ExecutionQuery& query) {
  const auto status = TRY(parse_status(query.status));
  if (!query.map_run.empty() && !TRY(engine_.map_run(query.map_run))) {
    return fail(Code::not_found, "there is no map run '{}'", query.map_run);
  }
  const ExecutionPage found = query.map_run.empty()
                                  ? TRY(engine_.list(query.machine, status, query.count_max, query.after))
                                  : TRY(engine_.children(query.map_run, status, query.count_max, query.after));
  ExecutionsPage page{.next = found.next};
  for (const Execution& execution : found.executions) {
    if (query.was_redriven && *query.was_redriven != (execution.redrives > 0)) continue;
    page.executions.push_back(info_of(execution));
  }
  return page;
}

Result<std::vector<ExecutionEvent>> EngineBackend::history(const ExecutionName& id, const HistoryQuery& query) {
  std::int64_t first = query.newest_first ? 0 : 1;  // 0: the last
  if (query.after) {
    first = query.newest_first ? *query.after - 1 : *query.after + 1;
    if (first < 1) {
      TRY(engine_.describe(id_of(id)));
      return std::vector<ExecutionEvent>();
    }
  }
  std::vector<ExecutionEvent> events;
  for (HistoryEvent& event : TRY(engine_.history(id_of(id), first, query.newest_first, query.count_max))) {
    events.push_back({.id = event.id,
                      .previous_id = event.previous_id,
                      .type = std::move(event.type),
                      .timestamp_ms = event.timestamp_ms,
                      .details = std::move(event.details)});
  }
  return events;
}

Result<std::int64_t> EngineBackend::stop(const ExecutionName& id, const std::string& error, const std::string& cause) {
  const Execution stopped = TRY(engine_.stop(id_of(id), error, cause));
  return stopped.stopped_ms > 0 ? stopped.stopped_ms : clock_.now_ms();  // its walker was asked to
}

Result<std::int64_t> EngineBackend::redrive(const ExecutionName& id) {
  const auto redriven = engine_.redrive(id_of(id));
  if (redriven) return redriven->redriven_ms;
  if (redriven.error().code() != Code::conflict) return std::unexpected(redriven.error());
  return std::unexpected(redriven.error().named("ExecutionNotRedrivable"));
}

// ---------------------------------------------------------------------------------------------------- map runs

Result<MapRunInfo> EngineBackend::describe_map_run(const std::string& id) {
  const auto run = TRY(engine_.map_run(id));
  if (!run) return fail(Code::not_found, "there is no map run '{}'", id);
  return info_of(*run);
}

Result<std::vector<MapRunInfo>> EngineBackend::list_map_runs(const ExecutionName& execution) {
  TRY(engine_.describe(id_of(execution)));
  std::vector<MapRunInfo> runs;
  for (const MapRunRow& row : TRY(engine_.map_runs(id_of(execution)))) runs.push_back(info_of(row));
  return runs;
}

Result<void> EngineBackend::change_map_run(const std::string& id, const MapRunChange& change) {
  return engine_.change_map_run(id, {.concurrency_max = change.max_concurrency,
                                     .tolerated_failure_count = change.tolerated_failure_count,
                                     .tolerated_failure_percentage = change.tolerated_failure_percentage});
}

// -------------------------------------------------------------------------------------------------- activities

Result<ActivityInfo> EngineBackend::create_activity(const std::string& name) {
  TRY(store_.put_activity({.name = name, .created_ms = clock_.now_ms()}));
  return describe_activity(name);
}

Result<ActivityInfo> EngineBackend::describe_activity(const std::string& name) {
  const auto activities = TRY(store_.activities());
  const auto found = std::ranges::find(activities, name, &ActivityRow::name);
  if (found == activities.end()) return fail(Code::not_found, "there is no activity '{}'", name);
  return ActivityInfo{.name = found->name, .created_ms = found->created_ms};
}

Result<void> EngineBackend::delete_activity(const std::string& name) {
  TRY(store_.remove_activity(name));
  return {};
}

Result<std::vector<ActivityInfo>> EngineBackend::list_activities() {
  std::vector<ActivityInfo> activities;
  for (ActivityRow& row : TRY(store_.activities())) {
    activities.push_back({.name = std::move(row.name), .created_ms = row.created_ms});
  }
  return activities;
}

Result<std::optional<ActivityTask>> EngineBackend::take_activity_task(const std::string& activity,
                                                                      const std::string& worker) {
  auto task = engine_.activity_task(activity, worker);
  if (task) return ActivityTask{.token = std::move(task->token), .input = std::move(task->input)};
  TRY(describe_activity(activity));
  return std::nullopt;
}

Result<void> EngineBackend::task_succeeded(const std::string& token, const Value& output) {
  return engine_.task_succeeded(token, output);
}

Result<void> EngineBackend::task_failed(const std::string& token, const std::string& error, const std::string& cause) {
  return engine_.task_failed(token, error, cause);
}

Result<void> EngineBackend::task_heartbeat(const std::string& token) { return engine_.task_beats(token); }

}  // namespace tillite
