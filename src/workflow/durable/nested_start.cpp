#include "workflow/durable/nested_start.h"

#include "base/uuid.h"
#include "workflow/execution_names.h"
#include "workflow/resource.h"
#include "workflow/sdk_answer.h"

namespace tillite {
namespace {

constexpr std::string_view kAction = "startExecution";
constexpr std::string_view kMachineMark = ":stateMachine:";
constexpr std::size_t kInputBytesMax = 262'144;

const Value* given(const Value& parameters, std::string_view name) {
  const Value* found = parameters.find(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::unexpected<Failure> refuse(std::string_view code, std::string_view message) {
  return std::unexpected(start_refused(code, message));
}

/// A JSON text as it is shown: itself, or what it says.
Value shown(const std::string& text, bool parses) {
  if (!parses) return text;
  auto parsed = parse_value(text, "an execution's data");
  return parsed ? *std::move(parsed) : Value(text);
}

Value description(const ExecutionRow& row, const std::string& execution_arn, const std::string& machine_arn,
                  bool parses) {
  const Value included = Value::Object{{"Included", true}};
  Value::Object fields;
  if (row.cause) fields.set("Cause", *row.cause);
  if (row.error) fields.set("Error", *row.error);
  fields.set("ExecutionArn", execution_arn);
  fields.set("Input", shown(row.input, parses));
  fields.set("InputDetails", included);
  fields.set("Name", row.name);
  if (row.output) fields.set("Output", shown(*row.output, parses));
  if (row.output) fields.set("OutputDetails", included);
  fields.set("StartDate", row.started_ms);
  fields.set("StateMachineArn", machine_arn);
  fields.set("Status", row.status);
  fields.set("StopDate", row.stopped_ms);
  return Value(std::move(fields));
}

}  // namespace

bool starts_execution(const std::string& resource) {
  if (resource.find(kAction) == std::string::npos) return false;
  const Resource parsed(resource);
  return parsed.type() == "states" && parsed.name().starts_with(kAction);
}

bool waits_for_end(const std::string& resource) {
  return starts_execution(resource) && Resource(resource).name().substr(kAction.size()).starts_with(".sync");
}

Failure start_refused(std::string_view code, std::string_view message) {
  const std::string request = uuid5(fmt::format("{}\n{}", code, message));
  return {.error = fmt::format("StepFunctions.{}Exception", code),
          .cause = fmt::format(
              "{} (Service: AWSStepFunctions; Status Code: 400; Error Code: {}; Request ID: {}; Proxy: null)", message,
              code, request)};
}

std::expected<NestedStart, Failure> nested_start(const TaskCall& call, const std::string& name) {
  const std::string pattern = Resource(call.resource).name().substr(kAction.size());
  NestedStart start{.parses_output = pattern == ".sync:2", .name = name, .input = "{}"};
  if (waits_for_end(call.resource)) start.waits_for = NestedStart::WaitsFor::end;
  if (!call.token.empty()) start.waits_for = NestedStart::WaitsFor::token;

  const Value* arn = given(call.payload, "StateMachineArn");
  if (arn == nullptr || !arn->is_string()) return refuse("InvalidArn", "Invalid Arn: 'StateMachineArn is missing'");
  start.machine_arn = arn->string();
  const std::size_t mark = start.machine_arn.find(kMachineMark);
  if (!start.machine_arn.starts_with("arn:") || mark == std::string::npos)
    return refuse("InvalidArn", fmt::format("Invalid Arn: '{}'", start.machine_arn.substr(0, 256)));
  start.machine = start.machine_arn.substr(mark + kMachineMark.size());

  if (const Value* named = given(call.payload, "Name")) {
    const std::string text = named->is_string() ? named->string() : to_text(*named);
    if (!is_states_name(text)) return refuse("InvalidName", fmt::format("Invalid Name: '{}'", text.substr(0, 256)));
    start.name = text;
  }
  if (const Value* input = given(call.payload, "Input")) {
    start.input = input->is_string() ? input->string() : to_text(*input);
    if (start.input.size() > kInputBytesMax || !parse_value(start.input, "Input")) {
      return refuse(
          "InvalidExecutionInput",
          fmt::format("Invalid State Machine Execution Input: '{}'",
                      start.input.size() > kInputBytesMax ? "it has more than 262144 bytes" : "it is no JSON"));
    }
  }
  return start;
}

Value start_answer(const ExecutionRow& started, const std::string& execution_arn) {
  const Value::Object fields{{"ExecutionArn", execution_arn}, {"StartDate", started.started_ms}};
  const std::size_t bytes = to_text(Value(fields)).size();
  return sdk_answer(fields, bytes, uuid5(fmt::format("StartExecution {}", execution_arn)), started.started_ms);
}

std::string started_id(const Value& answer) {
  const Value* arn = answer.find("ExecutionArn");
  if (arn == nullptr || !arn->is_string()) return "";
  for (const std::string_view mark : {":execution:", ":express:"}) {
    if (const std::size_t found = arn->string().find(mark); found != std::string::npos)
      return arn->string().substr(found + mark.size());
  }
  return "";
}

News nested_end(const ExecutionRow& ended, const std::string& execution_arn, const std::string& machine_arn,
                bool parses_output) {
  if (ended.status == "SUCCEEDED") return {.output = description(ended, execution_arn, machine_arn, parses_output)};
  return {.kind = News::Kind::failed,
          .failure = {.error = errors::kTaskFailed,
                      .cause = to_text(description(ended, execution_arn, machine_arn, false))}};
}

}  // namespace tillite
