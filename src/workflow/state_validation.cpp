// Single states: their fields, and what must stand together.
#include <array>

#include "expressions/timestamp.h"
#include "workflow/expression_validation.h"
#include "workflow/machine_validation.h"

namespace tillite {
namespace {

std::string_view name_of(bool jsonata) { return jsonata ? "JSONata" : "JSONPath"; }

/// A whole number or any, in a range; what is wrong with it.
std::optional<std::string> number_problem(const Value& value, bool whole, double min, double max) {
  if (whole ? !value.is_integer() : !value.is_number())
    return whole ? "Expected value of type Integer" : "Expected value of type [NUMBER]";
  if (value.number() < min) return fmt::format("Minimum value is {}", min);
  if (value.number() > max) return fmt::format("Maximum value is {}", max);
  return std::nullopt;
}

}  // namespace

bool MachineValidator::language_of(const Value& value, const std::string& location, bool& is_refused) {
  const Value* language = value.find("QueryLanguage");
  if (language == nullptr) return jsonata_;
  check_choice_of(*language, {"JSONPath", "JSONata"}, location + "/QueryLanguage");
  if (*language != Value("JSONPath")) return true;
  if (jsonata_) {
    is_refused = true;
    schema_.schema("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", location);
  }
  return false;
}

void MachineValidator::check_state(const Value& value, MachineType machine_type, const std::string& location) {
  if (!check_object(value, location)) return;
  bool is_refused = false;  // its language: then fields of another are not told on top
  const bool jsonata = language_of(value, location, is_refused);
  const Value* type_name = value.find("Type");
  if (type_name == nullptr) return schema_.schema("These fields are required: [Type]", location);
  const auto type = type_name->is_string() ? state_type(type_name->string()) : std::nullopt;
  if (!type) {
    return schema_.schema(
        "The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]",
        location + "/Type");
  }
  const State state{value, *type, jsonata, machine_type, location};
  for (const auto& [name, field_value] : value.object()) {
    const StateField* field = state_field(name);
    if (field == nullptr || !has_field(*type, *field)) {
      refuse_field(name, location);
    } else if (field->language != StateField::Language::any &&
               (field->language == StateField::Language::jsonata) != jsonata) {
      if (!is_refused) {
        schema_.schema(fmt::format("The QueryLanguage is set to '{}', but field '{}' is only supported for the '{}' "
                                   "QueryLanguage",
                                   name_of(jsonata), name, name_of(!jsonata)),
                       location);
      }
    } else {
      check_field(state, *field, field_value);
    }
  }
  check_groups(state);
}

void MachineValidator::check_field(const State& state, const StateField& field, const Value& value) {
  const std::string location = fmt::format("{}/{}", state.location, field.name);
  const auto text_or_jsonata = [&] {
    if (check_text(value, location, schema_) && state.jsonata) check_jsonata(value, location, schema_);
  };
  switch (field.kind) {
    case FieldKind::text:
      check_text(value, location, schema_);
      break;
    case FieldKind::boolean:
      if (!value.is_boolean()) schema_.schema("Expected value of type [BOOLEAN]", location);
      break;
    case FieldKind::integer:
    case FieldKind::number:
      check_number(state, field, value, location);
      break;
    case FieldKind::path:
      if (!value.is_null()) check_path(value, location, schema_);
      break;
    case FieldKind::reference_path:
      if (!value.is_null()) check_reference_path(value, true, location, schema_);
      break;
    case FieldKind::value_path:
      check_reference_path(value, false, location, schema_);
      break;
    case FieldKind::path_or_call:
      check_path_or_call(value, location, schema_);
      break;
    case FieldKind::text_or_jsonata:
      text_or_jsonata();
      break;
    case FieldKind::timestamp:
      if (state.jsonata && is_jsonata(value)) {
        text_or_jsonata();
      } else if (check_text(value, location, schema_) && !is_rfc3339_timestamp(value.string())) {
        schema_.schema("String does not match RFC3339 timestamp", location);
      }
      break;
    case FieldKind::payload:
      check_template(value, location, schema_);
      break;
    case FieldKind::jsonata:
      check_jsonata(value, location, schema_);
      break;
    case FieldKind::either:
      if (state.jsonata) {
        check_jsonata(value, location, schema_);
      } else {
        check_template(value, location, schema_);
      }
      break;
    case FieldKind::assign:
      check_assign(value, state.jsonata, location, schema_);
      break;
    case FieldKind::anything:
      break;
    case FieldKind::resource:
      check_resource(state, value, location);
      break;
    case FieldKind::credentials:
      check_credentials(state, value, location);
      break;
    case FieldKind::retry:
      check_retry(value, location);
      break;
    case FieldKind::catchers:
      check_catch(state, value, location);
      break;
    case FieldKind::choices:
      if (!value.is_array()) {
        schema_.schema("Expected value of type [ARRAY]", location);
      } else if (value.array().empty()) {
        schema_.schema("Value cannot be empty", location);
      } else {
        for (std::size_t i = 0; i < value.array().size(); ++i)
          check_choice_rule(value.array()[i], state.jsonata, fmt::format("{}[{}]", location, i), schema_);
      }
      break;
    case FieldKind::branches:
      check_branches(state, value, location);
      break;
    case FieldKind::processor:
      check_processor(state, value, location);
      break;
    case FieldKind::item_reader:
      check_item_reader(state, value, location);
      break;
    case FieldKind::item_batcher:
      check_item_batcher(state, value, location);
      break;
    case FieldKind::result_writer:
      check_result_writer(state, value, location);
      break;
    case FieldKind::items:
      if (value.is_array() || value.is_object() || is_jsonata(value)) {
        check_jsonata(value, location, schema_);
      } else {
        schema_.schema("JSONata string must start with {% and end with %}", location);
      }
      break;
    case FieldKind::label:
      check_label(value, location);
      break;
  }
}

void MachineValidator::check_number(const State& state, const StateField& field, const Value& value,
                                    const std::string& location) {
  if (state.jsonata && value.is_string()) {
    if (!is_jsonata(value)) return schema_.schema("JSONata string must start with {% and end with %}", location);
    return check_jsonata(value, location, schema_);
  }
  const auto problem = number_problem(value, field.kind == FieldKind::integer, static_cast<double>(field.min),
                                      static_cast<double>(field.max));
  if (problem) schema_.schema(*problem, location);
}

void MachineValidator::check_groups(const State& state) {
  const Value& value = state.value;
  const std::string& location = state.location;
  switch (state.type) {
    case StateType::task:
      check_required(value, {"Resource"}, location);
      check_one_of(value, {"TimeoutSeconds", "TimeoutSecondsPath"}, false, location);
      check_one_of(value, {"HeartbeatSeconds", "HeartbeatSecondsPath"}, false, location);
      break;
    case StateType::wait:
      if (state.jsonata) {
        check_one_of(value, {"Seconds", "Timestamp"}, true, location);
      } else {
        check_one_of(value, {"SecondsPath", "Seconds", "TimestampPath", "Timestamp"}, true, location);
      }
      break;
    case StateType::fail:
      check_one_of(value, {"Error", "ErrorPath"}, false, location);
      check_one_of(value, {"Cause", "CausePath"}, false, location);
      break;
    case StateType::choice:
      check_required(value, {"Choices"}, location);
      break;
    case StateType::parallel:
      check_required(value, {"Branches"}, location);
      break;
    case StateType::map:
      check_one_of(value, {"ItemProcessor", "Iterator"}, true, location);
      check_one_of(value, {"Parameters", "ItemSelector"}, false, location);
      check_one_of(value, {"MaxConcurrency", "MaxConcurrencyPath"}, false, location);
      check_one_of(value, {"ToleratedFailureCount", "ToleratedFailureCountPath"}, false, location);
      check_one_of(value, {"ToleratedFailurePercentage", "ToleratedFailurePercentagePath"}, false, location);
      break;
    case StateType::pass:
    case StateType::succeed:
      break;
  }
  if (!has_field(state.type, *state_field("Next"))) return;
  const Value* end = value.find("End");
  const bool ends = end != nullptr && *end == Value(true);
  const bool goes_on = value.find("Next") != nullptr;
  if (ends && goes_on) schema_.schema("There should only be one of the following fields: [Next, End]", location);
  if (!ends && !goes_on)
    schema_.schema("This object should have only one of the following fields: [Next, End]", location);
}

void MachineValidator::check_error_equals(const Value& entry, bool last, const std::string& location) {
  const Value* names = entry.find("ErrorEquals");
  if (names == nullptr) return schema_.schema("These fields are required: [ErrorEquals]", location);
  const std::string place = location + "/ErrorEquals";
  if (!names->is_array()) return schema_.schema("Expected value of type [ARRAY]", place);
  if (names->array().empty()) return schema_.schema("Value cannot be empty", place);
  bool all = false;
  for (std::size_t i = 0; i < names->array().size(); ++i) {
    const Value& name = names->array()[i];
    check_text(name, fmt::format("{}[{}]", place, i), schema_);
    all = all || name == Value("States.ALL");
  }
  if (all && (names->array().size() > 1 || !last))
    schema_.schema("States.ALL must appear alone and at end of list", place);
}

void MachineValidator::check_retry(const Value& value, const std::string& location) {
  struct Number {
    std::string_view name;
    bool whole;
    double min;
    double max;
  };
  constexpr std::array kNumbers = {
      Number{"IntervalSeconds", true, 0, 99'999'999},
      Number{"MaxAttempts", true, 0, 99'999'999},
      Number{"BackoffRate", false, 1, std::numeric_limits<double>::max()},
      Number{"MaxDelaySeconds", true, 1, 31'622'400},
  };
  if (!value.is_array()) return schema_.schema("Expected value of type [ARRAY]", location);
  for (std::size_t i = 0; i < value.array().size(); ++i) {
    const Value& entry = value.array()[i];
    const std::string place = fmt::format("{}[{}]", location, i);
    if (!check_object(entry, place)) continue;
    check_error_equals(entry, i + 1 == value.array().size(), place);
    for (const auto& [name, field] : entry.object()) {
      const auto number = std::ranges::find(kNumbers, name, &Number::name);
      const std::string here = below(place, name);
      if (number != kNumbers.end()) {
        if (auto problem = number_problem(field, number->whole, number->min, number->max))
          schema_.schema(*std::move(problem), here);
      } else if (name == "JitterStrategy") {
        check_choice_of(field, {"NONE", "FULL"}, here);
      } else if (name == "Comment") {
        check_text(field, here, schema_);
      } else if (name != "ErrorEquals") {
        refuse_field(name, place);
      }
    }
  }
}

void MachineValidator::check_catch(const State& state, const Value& value, const std::string& location) {
  if (!value.is_array()) return schema_.schema("Expected value of type [ARRAY]", location);
  for (std::size_t i = 0; i < value.array().size(); ++i) {
    const Value& entry = value.array()[i];
    const std::string place = fmt::format("{}[{}]", location, i);
    if (!check_object(entry, place)) continue;
    check_error_equals(entry, i + 1 == value.array().size(), place);
    check_required(entry, {"Next"}, place);
    for (const auto& [name, field] : entry.object()) {
      const std::string here = below(place, name);
      if (name == "Next" || name == "Comment") {
        check_text(field, here, schema_);
      } else if (name == "Assign") {
        check_assign(field, state.jsonata, here, schema_);
      } else if ((name == "ResultPath" && state.jsonata) || (name == "Output" && !state.jsonata)) {
        schema_.schema(fmt::format("The QueryLanguage is set to '{}', but field '{}' is only supported for the '{}' "
                                   "QueryLanguage",
                                   name_of(state.jsonata), name, name_of(!state.jsonata)),
                       place);
      } else if (name == "ResultPath") {
        if (!field.is_null()) check_reference_path(field, true, here, schema_);
      } else if (name == "Output") {
        check_jsonata(field, here, schema_);
      } else if (name != "ErrorEquals") {
        refuse_field(name, place);
      }
    }
  }
}

}  // namespace tillite
