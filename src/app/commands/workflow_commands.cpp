// workflow start, list, describe, history, stop, redrive, test and test-state: single executions of the state machines.
#include "adapters/local/system_clock.h"
#include "app/commands/commands.h"
#include "app/embedded_definitions.h"
#include "app/functions/step_task_runner.h"
#include "app/state_machines.h"
#include "base/file.h"
#include "base/time.h"
#include "workflow/cases/case_file.h"
#include "workflow/durable/task_calls.h"
#include "workflow/test_state.h"
#include "workflow/validation.h"

namespace tillite {
namespace {

constexpr std::size_t kListedMax = 1000;

/// What a list says of an execution: it is read without input and output.
Json summary_of(const Execution& execution) {
  Json json = {{"execution_id", execution.id.str()},
               {"state_machine", execution.state_machine},
               {"status", execution_status_name(execution.status)},
               {"started_at", iso_time(execution.started_ms)}};
  if (execution.stopped_ms > 0) json["stopped_at"] = iso_time(execution.stopped_ms);
  if (!execution.error.empty()) json["error"] = execution.error;
  if (execution.cause) json["cause"] = *execution.cause;
  if (execution.redrives > 0) json["redrives"] = execution.redrives;
  return json;
}

Json json_of(const Execution& execution) {
  Json json = summary_of(execution);
  json["input"] = to_json(execution.input);
  if (execution.status == ExecutionStatus::succeeded) json["output"] = to_json(execution.output);
  return json;
}

void print_line(const Execution& execution, const Output& output) {
  output.line("{}  {}  {}{}", execution.id.str(), execution_status_name(execution.status),
              iso_time(execution.started_ms), execution.error.empty() ? "" : "  " + execution.error);
}

/// Prints how an execution ended; one that failed is the command's error.
Result<int> report(const Execution& ended, const Output& output) {
  print_line(ended, output);
  if (ended.status == ExecutionStatus::succeeded) output.line("{}", to_json(ended.output).dump(2));
  output.json(json_of(ended));
  if (ended.status == ExecutionStatus::succeeded) return kDone;
  return fail(code_named(ended.error), "{}: {}", ended.error.empty() ? "it failed" : ended.error,
              message_of_cause(ended.cause.value_or("")));
}

/// State machines, and the home in which they are walked if it is not at AWS.
struct Place {
  std::unique_ptr<PipelineHost> host;
  std::unique_ptr<StateMachines> machines;
};

Result<Place> open_place(const CommandContext& context, bool on_aws) {
  Place place;
  if (on_aws) {
    place.machines =
        TRY(step_functions_machines(context.host.environment, context.host.log, context.host.stop, nullptr));
  } else {
    place.host = TRY(PipelineHost::open(context.host));
    place.machines = engine_machines(*place.host, context.host.stop, nullptr);
  }
  return place;
}

/// The steps of a home, which is opened when one of them runs.
class HomesSteps final : public TaskRunner {
 public:
  explicit HomesSteps(PipelineHost::Options options) : options_(std::move(options)) {}
  [[nodiscard]] Result<Json> run(const Call& call) override {
    const auto host = TRY(PipelineHost::open(options_));
    return StepTaskRunner(host->ports(), host->context(), host->invocations(), {}).run(call);
  }

 private:
  PipelineHost::Options options_;
};

/// The request as a client of the API writes it.
Result<Value> test_state_call(const TestStateOptions& options) {
  const std::string definition = TRY(read_file(Path(options.file)));
  Value::Object call{{"definition", definition}, {"input", options.input}, {"inspectionLevel", options.level}};
  if (!options.state.empty()) call.set("stateName", options.state);
  if (!options.context.empty()) call.set("context", options.context);
  if (!options.variables.empty()) call.set("variables", options.variables);
  if (!options.configuration.empty())
    call.set("stateConfiguration", TRY(parse_value(options.configuration, "--configuration")));
  Value::Object mock;
  if (!options.result.empty()) mock.set("result", options.result);
  if (!options.error.empty()) {
    Value::Object error{{"error", options.error}};
    if (!options.cause.empty()) error.set("cause", options.cause);
    mock.set("errorOutput", std::move(error));
  }
  if (!mock.empty()) call.set("mock", std::move(mock));
  return Value(std::move(call));
}

}  // namespace

Result<int> workflow_start_command(CommandContext& context, const std::string& name, const std::string& input,
                                   bool on_aws) {
  const Value parsed = TRY(parse_value(input, "--input"));
  context.host.create = name.ends_with(".json");  // ours work on what is in a home
  const auto place = TRY(open_place(context, on_aws));
  return report(TRY(place.machines->run(name, parsed)), context.output);
}

Result<int> workflow_list_command(CommandContext& context, bool on_aws) {
  const auto place = TRY(open_place(context, on_aws));
  Json json = {{"executions", Json::array()}, {"state_machines", state_machine_names()}};
  for (const Execution& execution : TRY(place.machines->list("", std::nullopt, kListedMax))) {
    print_line(execution, context.output);
    json["executions"].push_back(summary_of(execution));
  }
  if (json["executions"].empty()) {
    context.output.line("no executions yet; state machines:");
    for (const auto name : state_machine_names()) context.output.line("  {}", name);
  }
  context.output.json(json);
  return kDone;
}

Result<int> workflow_describe_command(CommandContext& context, const std::string& id) {
  const auto place = TRY(open_place(context, is_on_step_functions(id)));
  const Json json = json_of(TRY(place.machines->describe(ExecutionId(id))));
  context.output.line("{}", json.dump(2));
  context.output.json(json);
  return kDone;
}

Result<int> workflow_history_command(CommandContext& context, const std::string& id) {
  const auto place = TRY(open_place(context, is_on_step_functions(id)));
  Json json = {{"execution_id", id}, {"events", Json::array()}};
  for (const HistoryEvent& event : TRY(place.machines->history(ExecutionId(id)))) {
    context.output.line("{:>5}  {}  {:<28} {}", event.id, iso_time(event.timestamp_ms), event.type,
                        event.details.object().empty() ? "" : to_text(event.details).substr(0, 200));
    json["events"].push_back({{"id", event.id},
                              {"previousEventId", event.previous_id},
                              {"type", event.type},
                              {"timestamp", iso_time(event.timestamp_ms)},
                              {"details", to_json(event.details)}});
  }
  context.output.json(json);
  return kDone;
}

Result<int> workflow_stop_command(CommandContext& context, const std::string& id) {
  const auto place = TRY(open_place(context, is_on_step_functions(id)));
  const Execution stopped = TRY(place.machines->stop(ExecutionId(id)));
  print_line(stopped, context.output);
  context.output.json(json_of(stopped));
  return kDone;
}

Result<int> workflow_resume_command(CommandContext& context, const std::string& id) {
  const auto place = TRY(open_place(context, is_on_step_functions(id)));
  return report(TRY(place.machines->finish(ExecutionId(id))), context.output);
}

Result<int> workflow_redrive_command(CommandContext& context, const std::string& id) {
  const auto place = TRY(open_place(context, is_on_step_functions(id)));
  return report(TRY(place.machines->redrive(ExecutionId(id))), context.output);
}

Result<int> workflow_validate_command(CommandContext& context, const std::vector<std::string>& files, bool express) {
  bool valid = true;
  Json json = {{"files", Json::array()}};
  for (const std::string& file : files) {
    const auto found = validate(TRY(read_file(Path(file))), express ? MachineType::express : MachineType::standard);
    valid = valid && found.empty();
    context.output.line("{}: {}", file, found.empty() ? "valid" : "not valid");
    Json diagnostics = Json::array();
    for (const Diagnostic& diagnostic : found) {
      context.output.line("  {}  {}: {}", diagnostic.location, diagnostic.code, diagnostic.message);
      diagnostics.push_back(
          {{"location", diagnostic.location}, {"code", diagnostic.code}, {"message", diagnostic.message}});
    }
    json["files"].push_back({{"file", file}, {"valid", found.empty()}, {"diagnostics", std::move(diagnostics)}});
  }
  context.output.json(json);
  if (valid) return kDone;
  return fail(Code::invalid_input, "not every definition is valid: what is wrong is above");
}

Result<int> workflow_test_command(CommandContext& context, const std::vector<std::string>& files) {
  std::size_t passed = 0;
  for (const std::string& file : files) {
    const Value description = TRY(parse_value(TRY(read_file(Path(file))), file));
    const auto result = run_case(description);
    if (!result) return pass_on(result, file);
    passed += result->passed() ? 1 : 0;
    const Value line = Value::Object{{"name", result->name},
                                     {"pass", result->passed()},
                                     {"difference", result->passed() ? Value() : Value(result->difference)}};
    context.output.line("{}", to_text(line));
    context.output.json(to_json(line));
  }
  if (passed == files.size()) return kDone;
  return fail(Code::failed, "{} of {} cases pass", passed, files.size());
}

Result<int> workflow_test_state_command(CommandContext& context, const TestStateOptions& options) {
  const auto request = TRY(test_state_request(TRY(test_state_call(options))));
  HomesSteps steps(context.host);
  const Json answer = to_json(TRY(test_state(request, {.now_ms = SystemClock().now_ms(), .tasks = &steps})));
  context.output.line("{}", answer.dump(2));
  context.output.json(answer);
  return kDone;
}

}  // namespace tillite
