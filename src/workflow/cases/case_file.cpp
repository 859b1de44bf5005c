#include "workflow/cases/case_file.h"

#include <algorithm>

#include "workflow/cases/comparison.h"
#include "workflow/cases/rehearsal.h"
#include "workflow/test_state.h"
#include "workflow/validation.h"

namespace tillite {
namespace {

Value field_of(const Value& object, std::string_view name) {
  const Value* field = object.find(name);
  return field == nullptr ? Value() : *field;
}

/// The first text with that front, anywhere in a value.
std::optional<std::string> text_with(const Value& value, std::string_view front) {
  if (value.is_string()) return value.string().starts_with(front) ? std::optional(value.string()) : std::nullopt;
  std::optional<std::string> found;
  if (value.is_array()) {
    for (const Value& item : value.array()) found = found ? found : text_with(item, front);
  } else if (value.is_object()) {
    for (const auto& [name, field] : value.object()) found = found ? found : text_with(field, front);
  }
  return found;
}

std::string worker_in(const Value& events) {
  for (const Value& event : events.is_array() ? events.array() : Value::Array()) {
    const Value worker = field_of(field_of(event, "details"), "workerName");
    if (worker.is_string()) return worker.string();
  }
  return "";
}

bool has_feature(const Value& description, std::string_view feature) {
  const Value features = field_of(description, "features");
  return features.is_array() && std::ranges::find(features.array(), Value(feature)) != features.array().end();
}

/// AWS changed some things in the course of time: those that held when the case was recorded ("18-11-2024, 14:54:07").
Interpreter::Options options_of(const Value& description) {
  const Value recorded = field_of(description, "recorded");
  std::string day;  // "20241118"
  if (recorded.is_string() && recorded.string().size() >= 10)
    day = recorded.string().substr(6, 4) + recorded.string().substr(3, 2) + recorded.string().substr(0, 2);
  Interpreter::Options options;
  options.shows_redrive_count = !(has_feature(description, "ExpressSync") || (!day.empty() && day < "20231115"));
  options.map_exit_follows_run_start = day.empty() || day >= "20240901";
  return options;
}

std::string_view status_name(ExecutionEnd::Kind kind) {
  switch (kind) {
    case ExecutionEnd::Kind::succeeded:
      return "SUCCEEDED";
    case ExecutionEnd::Kind::failed:
      return "FAILED";
    case ExecutionEnd::Kind::timed_out:
      return "TIMED_OUT";
    case ExecutionEnd::Kind::aborted:
      return "ABORTED";
  }
  return "";
}

MachineType type_of(const Value& description) {
  return field_of(description, "type") == Value("EXPRESS") ? MachineType::express : MachineType::standard;
}

std::string definition_of(const Value& description) {
  if (const Value* text = description.find("definition_text"); text != nullptr && text->is_string())
    return text->string();
  const Value definition = field_of(description, "definition");
  return definition.is_string() ? definition.string() : to_text(definition);
}

/// As CreateStateMachine puts it into its error: "CODE: message at location".
std::string in_one_text(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& found : diagnostics) {
    text += fmt::format("{}{}: {}{}{}", text.empty() ? "" : ", ", found.code, found.message,
                        found.location.empty() ? "" : " at ", found.location);
  }
  return text;
}

/// Linters (their cases have no diagnostics) say only whether a definition is valid; AWS says what is wrong with it.
std::string validation_difference(const Value& description) {
  const auto found = validate(definition_of(description), type_of(description));
  if (auto unlike = difference(field_of(description, "valid"), Value(found.empty()), "valid"))
    return fmt::format("{}: {}", *unlike, in_one_text(found));
  const Value expected = field_of(description, "diagnostics");
  if (expected.is_array()) {
    Value::Array actual;
    for (const Diagnostic& diagnostic : found) {
      Value::Object object{{"severity", diagnostic.severity == Diagnostic::Severity::error ? "ERROR" : "WARNING"},
                           {"code", diagnostic.code},
                           {"message", diagnostic.message}};
      if (!diagnostic.location.empty()) object.set("location", diagnostic.location);
      actual.emplace_back(std::move(object));
    }
    return difference(expected, Value(std::move(actual)), "diagnostics").value_or("");
  }
  const Value message = field_of(expected, "message");
  const std::string said = "Invalid State Machine Definition: '" + in_one_text(found) + "'";
  if (!message.is_string() || message.string().ends_with(said)) return "";
  return fmt::format("{}, not {}", said, message.string());
}

std::string execution_difference(const Value& description) {
  const MachineType type = type_of(description);
  const std::string definition = definition_of(description);
  if (const auto found = validate(definition, type); !found.empty())
    return "the definition is judged: " + in_one_text(found);
  const auto machine = StateMachine::parse("machine", definition, type);
  if (!machine) return "the definition is refused: " + machine.error().message();
  const Value expected = field_of(description, "expected");
  const Value events = field_of(expected, "events");
  // Who the role and the worker were is the case's to say: it does so where it expects them.
  Rehearsal rehearsal(*machine, {.tasks = field_of(description, "tasks"),
                                 .objects = field_of(description, "s3"),
                                 .role_arn = text_with(expected, "arn:aws:iam::").value_or("arn:aws:iam::0:role/any"),
                                 .worker = worker_in(events),
                                 .options = options_of(description)});
  const auto end = rehearsal.run(field_of(description, "input"), field_of(description, "set") == Value("external"));
  if (!end) return end.error().message();
  const Failure& failure = end->failure;
  const Value actual = Value::Object{{"status", status_name(end->kind)},
                                     {"error", failure.error.empty() ? Value() : Value(failure.error)},
                                     {"cause", failure.cause ? Value(*failure.cause) : Value()},
                                     {"output", end->output}};
  for (const char* field : {"status", "error", "cause", "output"}) {
    if (auto found = difference(field_of(expected, field), *actual.find(field), field)) return *found;
  }
  if (!events.is_array()) return "";
  return difference_of_events(events, rehearsal.events(), field_of(description, "event_order") == Value("total"))
      .value_or("");
}

/// The call as a client makes it.
Value test_state_call(const Value& description) {
  const Value request = field_of(description, "request");
  Value::Object call = request.is_object() ? request.object() : Value::Object();
  call.set("definition", field_of(description, "definition"));
  if (const Value* input = description.find("input")) call.set("input", to_text(*input));
  return Value(std::move(call));
}

std::string test_state_difference(const Value& description) {
  const auto request = test_state_request(test_state_call(description));
  if (!request) return "the request is refused: " + request.error().message();
  const auto answer = test_state(*request, {.account = "111111111111", .now_ms = 1'700'000'000'000});
  if (!answer) return "the call is refused: " + answer.error().message();
  return difference(field_of(description, "expected"), *answer, "answer").value_or("");
}

}  // namespace

Result<CaseResult> run_case(const Value& description) {
  const Value name = field_of(description, "name");
  if (!name.is_string()) return fail(Code::invalid_input, "a case has a name");
  CaseResult result{.name = name.string()};
  const Value features = field_of(description, "features");
  for (const Value& feature : features.is_array() ? features.array() : Value::Array()) {
    if (feature.is_string()) result.features.push_back(feature.string());
  }
  // The kinds are told apart by what only one of them has.
  if (description.find("request") != nullptr) {
    result.difference = test_state_difference(description);
  } else if (description.find("valid") != nullptr) {
    result.difference = validation_difference(description);
  } else {
    result.difference = execution_difference(description);
  }
  return result;
}

}  // namespace tillite
