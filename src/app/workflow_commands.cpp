// workflow start, list, describe and history: single executions of the state machines.
#include "app/commands.h"
#include "app/embedded_definitions.h"
#include "base/time.h"

namespace tillite {
namespace {

constexpr std::size_t kListedMax = 1000;

Json json_of(const Execution& execution) {
  Json json = {{"execution_id", execution.id.str()},
               {"state_machine", execution.state_machine},
               {"status", execution_status_name(execution.status)},
               {"started_at", iso_time(execution.started_ms)},
               {"input", execution.input}};
  if (execution.stopped_ms > 0) json["stopped_at"] = iso_time(execution.stopped_ms);
  if (execution.status == ExecutionStatus::succeeded) json["output"] = execution.output;
  if (!execution.error.empty()) json["error"] = execution.error;
  if (!execution.cause.empty()) json["cause"] = execution.cause;
  return json;
}

void print_line(const Execution& execution, const Output& output) {
  output.line("{}  {}  {}{}", execution.id.str(), execution_status_name(execution.status),
              iso_time(execution.started_ms), execution.error.empty() ? "" : "  " + execution.error);
}

}  // namespace

Result<int> workflow_start_command(CommandContext& context, const std::string& name, const std::string& input) {
  const StateMachine machine = TRY(load_state_machine(name));
  const Json parsed = TRY(parse_json(input, "--input"));
  if (!parsed.is_object()) {
    return fail(Code::invalid_input, "--input must be a JSON object such as {{}}, but is {}", parsed.type_name());
  }
  const auto host = TRY(LocalHost::open(context.host));
  const auto engine = host->engine(nullptr);
  const Execution ended = TRY(engine->run(machine, parsed, context.host.stop));
  print_line(ended, context.output);
  if (ended.status == ExecutionStatus::succeeded) context.output.line("{}", ended.output.dump(2));
  context.output.json(json_of(ended));
  if (ended.status == ExecutionStatus::succeeded) return kDone;
  return fail(code_named(ended.error), "{}: {}", ended.error, ended.cause);
}

Result<int> workflow_list_command(CommandContext& context) {
  const auto host = TRY(LocalHost::open(context.host));
  Json json = {{"executions", Json::array()}, {"state_machines", state_machine_names()}};
  for (const Execution& execution : TRY(host->engine(nullptr)->list("", std::nullopt, kListedMax))) {
    print_line(execution, context.output);
    json["executions"].push_back(json_of(execution));
  }
  if (json["executions"].empty()) {
    context.output.line("no executions yet; state machines:");
    for (const auto name : state_machine_names()) context.output.line("  {}", name);
  }
  context.output.json(json);
  return kDone;
}

Result<int> workflow_describe_command(CommandContext& context, const std::string& id) {
  const auto host = TRY(LocalHost::open(context.host));
  const Json json = json_of(TRY(host->engine(nullptr)->describe(ExecutionId(id))));
  context.output.line("{}", json.dump(2));
  context.output.json(json);
  return kDone;
}

Result<int> workflow_history_command(CommandContext& context, const std::string& id) {
  const auto host = TRY(LocalHost::open(context.host));
  Json json = {{"execution_id", id}, {"events", Json::array()}};
  for (const HistoryEvent& event : TRY(host->engine(nullptr)->history(ExecutionId(id)))) {
    context.output.line("{:>5}  {}  {:<28} {}", event.id, iso_time(event.timestamp_ms), event.type,
                        event.details.is_null() ? "" : to_text(event.details).substr(0, 200));
    json["events"].push_back({{"id", event.id},
                              {"previousEventId", event.previous_id},
                              {"type", event.type},
                              {"timestamp", iso_time(event.timestamp_ms)},
                              {"details", event.details}});
  }
  context.output.json(json);
  return kDone;
}

}  // namespace tillite
