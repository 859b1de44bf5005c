#include "workflow/expression_validation.h"

#include <algorithm>
#include <array>
#include <set>

#include "expressions/choice_rule.h"
#include "expressions/jsonata.h"
#include "expressions/payload_template.h"

namespace tillite {
namespace {

constexpr std::string_view kOpen = "{%";
constexpr std::string_view kClose = "%}";

bool is_call(const PathExpression& expression) { return expression.origin() == PathExpression::Origin::call; }

/// The fields of a rule besides its condition.
bool is_side_field(std::string_view name, bool jsonata, bool nested) {
  if (name == "Comment") return true;
  return !nested && (name == "Next" || name == "Assign" || (jsonata && name == "Output"));
}

bool is_condition_field(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {"And", "Or", "Not", "Variable", "Condition"};
  return std::ranges::find(kNames, name) != kNames.end();
}

std::string joined(const std::vector<std::string>& names) { return fmt::format("[{}]", fmt::join(names, ", ")); }

void check_operand(const std::string& name, const Value& value, const std::string& location, Diagnostics& found) {
  const auto expect = [&](bool fits, std::string_view type) {
    if (!fits) found.schema(fmt::format("Expected value of type [{}]", type), location);
  };
  if (name.ends_with("Path")) {
    check_reference_path(value, false, location, found);
  } else if (name.starts_with("Is") || name.starts_with("Boolean")) {
    expect(value.is_boolean(), "BOOLEAN");
  } else if (name.starts_with("Numeric")) {
    expect(value.is_number(), "NUMBER");
  } else if (name.starts_with("Timestamp")) {
    // The comparison itself knows what a timestamp is.
    const Value rule(Value::Object{{"Variable", "$"}, {name, value}});
    if (!value.is_string()) {
      expect(false, "STRING");
    } else if (!ChoiceRule::parse(rule)) {
      found.schema("String does not match RFC3339 timestamp", location);
    }
  } else {
    expect(value.is_string(), "STRING");
  }
}

void check_condition(const Value& rule, bool jsonata, bool nested, std::size_t depth, const std::string& location,
                     Diagnostics& found) {
  constexpr std::size_t kDepthMax = 64;
  if (!rule.is_object()) return found.schema("Expected value of type [OBJECT]", location);
  if (depth > kDepthMax) return found.schema(fmt::format("Rules are nested more than {} times", kDepthMax), location);
  std::vector<std::string> operators;
  std::size_t conditions = 0;
  for (const auto& [name, value] : rule.object()) {
    if (is_condition_field(name)) {
      ++conditions;
      if ((name == "Condition") != jsonata) {
        return found.schema(
            fmt::format("The QueryLanguage is set to '{}', but field '{}' is only supported for the '{}' "
                        "QueryLanguage",
                        jsonata ? "JSONata" : "JSONPath", name, jsonata ? "JSONPath" : "JSONata"),
            location);
      }
    } else if (is_choice_operator(name) && !jsonata) {
      operators.push_back(name);
      check_operand(name, value, below(location, name), found);
    } else if (!is_side_field(name, jsonata, nested)) {
      found.schema(fmt::format("Field '{}' is not supported", name), location);
    }
  }
  if (conditions != 1) {
    return found.schema("The object must have only one of the following fields, [And, Or, Not, Variable, Condition]",
                        location);
  }
  const bool compares = rule.find("Variable") != nullptr;
  if (compares && operators.size() > 1)
    found.schema(fmt::format("There should only be one of the following fields: {}", joined(operators)), location);
  if (compares && operators.empty()) found.schema("The object must have one comparison operator", location);
  if (!compares && !operators.empty())
    found.schema(fmt::format("Field '{}' is not supported", operators.front()), location);
  if (const Value* variable = rule.find("Variable"))
    check_reference_path(*variable, false, location + "/Variable", found);
  if (const Value* condition = rule.find("Condition")) {
    if (condition->is_boolean()) return;
    if (!is_jsonata(*condition)) {
      found.schema("JSONata string must start with {% and end with %}", location + "/Condition");
    } else {
      check_jsonata(*condition, location + "/Condition", found);
    }
  }
  if (const Value* part = rule.find("Not")) check_condition(*part, jsonata, true, depth + 1, location + "/Not", found);
  for (const char* name : {"And", "Or"}) {
    const Value* parts = rule.find(name);
    if (parts == nullptr) continue;
    const std::string place = below(location, name);
    if (!parts->is_array()) {
      found.schema("Expected value of type [ARRAY]", place);
    } else if (parts->array().empty()) {
      found.schema("Value cannot be empty", place);
    } else {
      for (std::size_t i = 0; i < parts->array().size(); ++i)
        check_condition(parts->array()[i], jsonata, true, depth + 1, fmt::format("{}[{}]", place, i), found);
    }
  }
}

}  // namespace

bool check_text(const Value& value, const std::string& location, Diagnostics& found) {
  if (!value.is_string()) found.schema("Expected value of type [STRING]", location);
  return value.is_string();
}

void check_path(const Value& value, const std::string& location, Diagnostics& found) {
  if (!check_text(value, location, found)) return;
  const auto expression = PathExpression::parse(value.string());
  if (!expression || is_call(*expression)) found.schema("Value must be a valid JSONPath.", location);
}

void check_reference_path(const Value& value, bool into_input, const std::string& location, Diagnostics& found) {
  if (!check_text(value, location, found)) return;
  const std::string& text = value.string();
  if (!text.starts_with('$'))
    return found.schema("Value is not a Reference Path: Reference path didn't start with '$'", location);
  const auto expression = PathExpression::parse(text);
  if (!expression)
    return found.schema(fmt::format("Value is not a Reference Path: {}", expression.error().message()), location);
  if (!expression->path()->is_reference())
    return found.schema("Value is not a Reference Path: it names more than one place", location);
  if (into_input && expression->origin() != PathExpression::Origin::input)
    found.schema("Value is not a Reference Path: it must begin with '$.' or be '$'", location);
}

void check_path_or_call(const Value& value, const std::string& location, Diagnostics& found) {
  if (!check_text(value, location, found)) return;
  if (!PathExpression::parse(value.string()))
    found.schema("Value must be a valid JSONPath or a valid intrinsic function call", location);
}

void check_template(const Value& value, const std::string& location, Diagnostics& found) {
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.array().size(); ++i)
      check_template(value.array()[i], fmt::format("{}[{}]", location, i), found);
  }
  if (!value.is_object()) return;
  for (const auto& [name, field] : value.object()) {
    if (!name.ends_with(".$")) {
      check_template(field, below(location, name), found);
      continue;
    }
    if (value.find(std::string_view(name).substr(0, name.size() - 2)) != nullptr) {
      found.schema(fmt::format("The fields '{}' and '{}' would both become '{}'", name.substr(0, name.size() - 2), name,
                               name.substr(0, name.size() - 2)),
                   location);
    }
    if (!field.is_string() || !PathExpression::parse(field.string())) {
      found.schema(
          fmt::format("The value for the field '{}' must be a valid JSONPath or a valid intrinsic function call", name),
          location);
    }
  }
}

bool is_jsonata(const Value& value) {
  return value.is_string() && value.string().size() >= kOpen.size() + kClose.size() &&
         value.string().starts_with(kOpen) && value.string().ends_with(kClose);
}

void check_jsonata(const Value& value, const std::string& location, Diagnostics& found) {
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.array().size(); ++i)
      check_jsonata(value.array()[i], fmt::format("{}[{}]", location, i), found);
  } else if (value.is_object()) {
    for (const auto& [name, field] : value.object()) check_jsonata(field, below(location, name), found);
  } else if (is_jsonata(value)) {
    const std::string_view text = value.string();
    const auto expression = text.substr(kOpen.size(), text.size() - kOpen.size() - kClose.size());
    const auto jsonata = Jsonata::parse(expression);
    if (!jsonata) {
      found.add("INVALID_JSONATA_EXPRESSION", jsonata.error().message(), location);
    } else if (const auto name = jsonata->outer_reference(); name == "$$") {
      found.add("UNSUPPORTED_JSONATA_EXPRESSION", "Reference to '$$' is not supported.", location);
    } else if (name) {
      found.add("UNSUPPORTED_JSONATA_EXPRESSION",
                fmt::format("Reference to '{}' at the top level is not supported.", *name), location);
    }
  } else if (value.is_string() && value.string().starts_with(kOpen)) {
    found.schema("JSONata string must start with {% and end with %}", location);
  }
}

void check_assign(const Value& value, bool jsonata, const std::string& location, Diagnostics& found) {
  if (!value.is_object()) return found.schema("Expected value of type [OBJECT]", location);
  for (const auto& [name, field] : value.object()) {
    std::string_view variable = name;
    if (!jsonata && variable.ends_with(".$")) variable.remove_suffix(2);
    if (variable == "states") {
      found.add("RESERVED_VARIABLE_NAME", "Cannot assign to reserved variable '$states'.", below(location, name));
    } else if (!is_variable_name(variable)) {
      found.add("INVALID_VARIABLE_NAME",
                fmt::format("Invalid variable name '{}': the variable name contains invalid characters.", variable),
                below(location, name));
    }
  }
  if (jsonata) {
    check_jsonata(value, location, found);
  } else {
    check_template(value, location, found);
  }
}

void check_choice_rule(const Value& value, bool jsonata, const std::string& location, Diagnostics& found) {
  check_condition(value, jsonata, false, 0, location, found);
  if (!value.is_object()) return;
  if (const Value* next = value.find("Next")) {
    check_text(*next, location + "/Next", found);
  } else {
    found.schema("These fields are required: [Next]", location);
  }
  if (const Value* assign = value.find("Assign")) check_assign(*assign, jsonata, location + "/Assign", found);
  if (const Value* output = value.find("Output"); output != nullptr && jsonata)
    check_jsonata(*output, location + "/Output", found);
}

}  // namespace tillite
