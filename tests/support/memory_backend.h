#pragma once

#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <utility>

#include "server/step_functions_backend.h"

namespace tillite::testing {

/// An engine without a motor: it keeps what it is told, and its executions do what the test says.
class MemoryBackend final : public StepFunctionsBackend {
 public:
  struct Kept {
    ExecutionInfo info;
    MachineInfo machine;
    std::vector<ExecutionEvent> events;
  };
  std::map<std::string, MachineInfo> machines;
  std::map<std::string, Kept> executions;  ///< by "machine:name"
  std::map<std::string, MapRunInfo> map_runs;
  std::map<std::string, ActivityInfo> activities;
  std::deque<ActivityTask> tasks;
  std::vector<std::string> sent;  ///< what was told about tasks
  std::move_only_function<void(Result<ExecutionInfo>)> sync_ended;
  std::int64_t now_ms = 1'700'000'000'123;

  Kept& kept(const std::string& machine, const std::string& name) { return executions.at(machine + ":" + name); }
  void end(const std::string& machine, const std::string& name, const std::string& status, const Value& output) {
    Kept& execution = kept(machine, name);
    execution.info.status = status;
    execution.info.output = output;
    execution.info.stopped_ms = now_ms;
  }

  std::vector<DefinitionFinding> validate(const std::string& definition, bool) override {
    if (definition == "warn") return {{.is_error = false, .code = "UNUSED", .message = "never reached"}};
    if (parse_value(definition, "definition")) return {};
    return {{.code = "INVALID_JSON_DESCRIPTION", .message = "no JSON", .location = "/"},
            {.code = "SECOND", .message = "another"}};
  }
  Result<MachineInfo> create_machine(const MachineInfo& machine) override {
    if (machines.contains(machine.name)) return fail(Code::conflict, "taken");
    MachineInfo& created = machines[machine.name] = machine;
    created.created_ms = created.updated_ms = now_ms;
    return created;
  }
  Result<MachineInfo> update_machine(const std::string& name, const std::optional<std::string>& definition,
                                     const std::optional<std::string>& role_arn) override {
    MachineInfo& machine = machines.at(name);
    if (definition) machine.definition = *definition;
    if (role_arn) machine.role_arn = *role_arn;
    machine.revision_id = "second";
    return machine;
  }
  Result<MachineInfo> describe_machine(const std::string& name) override { return found(machines, name); }
  Result<void> delete_machine(const std::string& name) override {
    machines.erase(name);
    return {};
  }
  Result<std::vector<MachineInfo>> list_machines() override { return values(machines); }

  Result<ExecutionInfo> start(const ExecutionName& id, const Value& input) override {
    const std::string key = id.machine + ":" + id.name;
    if (executions.contains(key)) return fail(Code::conflict, "taken");
    Kept& execution = executions[key];
    execution.machine = machines.at(id.machine);
    execution.info = {.id = id, .status = "RUNNING", .started_ms = now_ms++, .input = input};
    return execution.info;
  }
  void start_sync(const ExecutionName&, const Value&,
                  std::move_only_function<void(Result<ExecutionInfo>)> ended) override {
    sync_ended = std::move(ended);
  }
  Result<ExecutionInfo> describe_execution(const ExecutionName& id) override {
    const auto execution = found(executions, id.machine + ":" + id.name);
    if (!execution) return std::unexpected(execution.error());
    return execution->info;
  }
  Result<MachineInfo> machine_of_execution(const ExecutionName& id) override {
    const auto execution = found(executions, id.machine + ":" + id.name);
    if (!execution) return std::unexpected(execution.error());
    return execution->machine;
  }
  Result<ExecutionsPage> list_executions(const ExecutionQuery& query) override {
    if (!query.map_run.empty() && !map_runs.contains(query.map_run)) return fail(Code::not_found, "none");
    std::int64_t before_ms = std::numeric_limits<std::int64_t>::max();
    if (!query.after.empty()) {
      if (query.after.find_first_not_of("0123456789") != std::string::npos)
        return fail(Code::invalid_input, "no token");
      before_ms = std::stoll(query.after);
    }
    std::vector<ExecutionInfo> infos;
    for (const auto& [key, execution] : executions) {
      const ExecutionInfo& info = execution.info;
      const bool is_asked = (query.machine.empty() || info.id.machine == query.machine) &&
                            (query.map_run.empty() || info.map_run == query.map_run) &&
                            (query.status.empty() || info.status == query.status) && info.started_ms < before_ms;
      if (is_asked) infos.push_back(info);
    }
    std::ranges::sort(infos, std::greater(), &ExecutionInfo::started_ms);
    ExecutionsPage page;
    if (infos.size() > query.count_max) page.next = std::to_string(infos[query.count_max - 1].started_ms);
    infos.resize(std::min(infos.size(), query.count_max));
    page.executions = std::move(infos);
    return page;
  }
  Result<std::vector<ExecutionEvent>> history(const ExecutionName& id, const HistoryQuery& query) override {
    const auto execution = found(executions, id.machine + ":" + id.name);
    if (!execution) return std::unexpected(execution.error());
    std::vector<ExecutionEvent> events = execution->events;
    if (query.newest_first) std::ranges::reverse(events);
    std::erase_if(events, [&](const ExecutionEvent& event) {
      return query.after && (query.newest_first ? event.id >= *query.after : event.id <= *query.after);
    });
    events.resize(std::min(events.size(), query.count_max));
    return events;
  }
  Result<std::int64_t> stop(const ExecutionName& id, const std::string& error, const std::string& cause) override {
    const auto at = executions.find(id.machine + ":" + id.name);
    if (at == executions.end()) return fail(Code::not_found, "none");
    at->second.info.status = "ABORTED";
    at->second.info.error = error;
    at->second.info.cause = cause;
    at->second.info.stopped_ms = now_ms;
    return now_ms;
  }
  Result<std::int64_t> redrive(const ExecutionName& id) override {
    const auto at = executions.find(id.machine + ":" + id.name);
    if (at == executions.end()) return fail(Code::not_found, "none");
    if (at->second.info.status == "RUNNING") {
      return std::unexpected(Error(Code::conflict, "it runs").named("ExecutionNotRedrivable"));
    }
    at->second.info.status = "RUNNING";
    ++at->second.info.redrive_count;
    return now_ms;
  }

  Result<MapRunInfo> describe_map_run(const std::string& id) override { return found(map_runs, id); }
  Result<std::vector<MapRunInfo>> list_map_runs(const ExecutionName& execution) override {
    if (!executions.contains(execution.machine + ":" + execution.name)) return fail(Code::not_found, "none");
    return values(map_runs);
  }

  Result<void> change_map_run(const std::string& id, const MapRunChange& change) override {
    const auto run = map_runs.find(id);
    if (run == map_runs.end()) return fail(Code::not_found, "none");
    if (run->second.status != "RUNNING") return fail(Code::conflict, "it runs no more");
    if (change.max_concurrency) run->second.max_concurrency = *change.max_concurrency;
    if (change.tolerated_failure_count) run->second.tolerated_failure_count = *change.tolerated_failure_count;
    if (change.tolerated_failure_percentage)
      run->second.tolerated_failure_percentage = *change.tolerated_failure_percentage;
    return {};
  }

  Result<ActivityInfo> create_activity(const std::string& name) override {
    return activities.try_emplace(name, ActivityInfo{.name = name, .created_ms = now_ms}).first->second;
  }
  Result<ActivityInfo> describe_activity(const std::string& name) override { return found(activities, name); }
  Result<void> delete_activity(const std::string& name) override {
    activities.erase(name);
    return {};
  }
  Result<std::vector<ActivityInfo>> list_activities() override { return values(activities); }
  Result<std::optional<ActivityTask>> take_activity_task(const std::string& activity, const std::string&) override {
    if (!activities.contains(activity)) return fail(Code::not_found, "none");
    if (tasks.empty()) return std::nullopt;
    ActivityTask task = tasks.front();
    tasks.pop_front();
    return task;
  }
  Result<void> task_succeeded(const std::string& token, const Value& output) override {
    return tell(token, "succeeded " + to_text(output));
  }
  Result<void> task_failed(const std::string& token, const std::string& error, const std::string& cause) override {
    return tell(token, "failed " + error + " " + cause);
  }
  Result<void> task_heartbeat(const std::string& token) override { return tell(token, "heartbeat"); }

 private:
  template <typename T>
  static Result<T> found(const std::map<std::string, T>& kept, const std::string& key) {
    const auto at = kept.find(key);
    if (at == kept.end()) return fail(Code::not_found, "there is no '{}'", key);
    return at->second;
  }
  template <typename T>
  static std::vector<T> values(const std::map<std::string, T>& kept) {
    std::vector<T> list;
    for (const auto& [key, value] : kept) list.push_back(value);
    return list;
  }
  Result<void> tell(const std::string& token, const std::string& what) {
    if (token == "over") return fail(Code::not_found, "over");
    if (token == "nonsense") return fail(Code::invalid_input, "no token");
    sent.push_back(what);
    return {};
  }
};

}  // namespace tillite::testing
