#include "workflow/choice.h"

#include <algorithm>
#include <array>

#include "base/time.h"
#include "workflow/json_path.h"

namespace tillite {
namespace {

enum class Type { string, number, boolean, timestamp };

/// "NumericGreaterThan": the type that both sides must have, and which results of the comparison fulfil it.
struct Comparison {
  std::string_view name;
  Type type;
  bool less;
  bool equal;
  bool greater;
};

constexpr std::array kComparisons = {
    Comparison{"StringEquals", Type::string, false, true, false},
    Comparison{"StringLessThan", Type::string, true, false, false},
    Comparison{"StringGreaterThan", Type::string, false, false, true},
    Comparison{"StringLessThanEquals", Type::string, true, true, false},
    Comparison{"StringGreaterThanEquals", Type::string, false, true, true},
    Comparison{"NumericEquals", Type::number, false, true, false},
    Comparison{"NumericLessThan", Type::number, true, false, false},
    Comparison{"NumericGreaterThan", Type::number, false, false, true},
    Comparison{"NumericLessThanEquals", Type::number, true, true, false},
    Comparison{"NumericGreaterThanEquals", Type::number, false, true, true},
    Comparison{"BooleanEquals", Type::boolean, false, true, false},
    Comparison{"TimestampEquals", Type::timestamp, false, true, false},
    Comparison{"TimestampLessThan", Type::timestamp, true, false, false},
    Comparison{"TimestampGreaterThan", Type::timestamp, false, false, true},
    Comparison{"TimestampLessThanEquals", Type::timestamp, true, true, false},
    Comparison{"TimestampGreaterThanEquals", Type::timestamp, false, true, true},
};

constexpr std::array<std::string_view, 6> kTests = {"IsNull",   "IsPresent", "IsNumeric",
                                                    "IsString", "IsBoolean", "IsTimestamp"};

std::optional<double> timestamp_of(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const auto time = parse_iso_time(value.get<std::string>());
  return time ? std::optional(static_cast<double>(*time)) : std::nullopt;
}

template <typename T>
bool fulfils(const Comparison& comparison, const T& left, const T& right) {
  return left < right ? comparison.less : right < left ? comparison.greater : comparison.equal;
}

/// Values of another type fulfil no comparison.
bool compare(const Comparison& comparison, const Json& left, const Json& right) {
  switch (comparison.type) {
    case Type::string:
      return left.is_string() && right.is_string() &&
             fulfils(comparison, left.get<std::string>(), right.get<std::string>());
    case Type::number:
      return left.is_number() && right.is_number() && fulfils(comparison, left.get<double>(), right.get<double>());
    case Type::boolean:
      return left.is_boolean() && right.is_boolean() && left == right;
    case Type::timestamp: {
      const auto a = timestamp_of(left);
      const auto b = timestamp_of(right);
      return a && b && fulfils(comparison, *a, *b);
    }
  }
  return false;
}

/// '*' stands for any characters, "\*" for itself.
bool matches_pattern(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    for (std::size_t skip = 0; skip <= text.size(); ++skip) {
      if (matches_pattern(text.substr(skip), pattern.substr(1))) return true;
    }
    return false;
  }
  if (pattern.front() == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
  return !text.empty() && text.front() == pattern.front() && matches_pattern(text.substr(1), pattern.substr(1));
}

bool passes_test(std::string_view test, const Json& value) {
  if (test == "IsNull") return value.is_null();
  if (test == "IsNumeric") return value.is_number();
  if (test == "IsString") return value.is_string();
  if (test == "IsBoolean") return value.is_boolean();
  if (test == "IsTimestamp") return timestamp_of(value).has_value();
  return true;  // IsPresent: it was found
}

/// The field of a rule that says what is asked: its name and operand.
std::optional<std::pair<std::string, Json>> question_of(const Json& rule) {
  for (const auto& [name, operand] : rule.items()) {
    if (name != "Variable" && name != "Next" && name != "Comment") return std::pair(name, operand);
  }
  return std::nullopt;
}

const Comparison* comparison_named(std::string_view name) {
  if (name.ends_with("Path")) name.remove_suffix(4);
  const auto found = std::ranges::find(kComparisons, name, &Comparison::name);
  return found == kComparisons.end() ? nullptr : &*found;
}

}  // namespace

Result<bool> choice_holds(const Json& rule, const Scope& scope) {
  const auto [name, operand] = *question_of(rule);
  if (name == "Not") return !TRY(choice_holds(operand, scope));
  if (name == "And" || name == "Or") {
    for (const Json& part : operand) {
      if (TRY(choice_holds(part, scope)) != (name == "And")) return name == "Or";
    }
    return name == "And";
  }
  const std::string variable = rule.at("Variable").get<std::string>();
  const auto value = evaluate(variable, scope);
  if (name == "IsPresent") return value.has_value() == operand.get<bool>();
  if (!value) {
    return std::unexpected(
        Error(Code::failed, fmt::format("the choice's variable '{}' leads to nothing in the input", variable))
            .named("States.Runtime"));
  }
  if (std::ranges::find(kTests, name) != kTests.end()) return passes_test(name, *value) == operand.get<bool>();
  if (name == "StringMatches")
    return value->is_string() && matches_pattern(value->get<std::string>(), operand.get<std::string>());
  const Comparison* comparison = comparison_named(name);
  return compare(*comparison, *value,
                 name.ends_with("Path") ? TRY(evaluate(operand.get<std::string>(), scope)) : operand);
}

Result<void> check_choice(const Json& rule, bool nested) {
  if (!rule.is_object()) return fail(Code::invalid_input, "a rule must be an object");
  if (nested == rule.contains("Next")) {
    return fail(Code::invalid_input, "{}", nested ? "a rule inside another has no Next" : "a rule needs a Next");
  }
  const auto question = question_of(rule);
  if (!question) return fail(Code::invalid_input, "a rule compares nothing");
  const auto& [name, operand] = *question;
  if (name == "Not") return check_choice(operand, true);
  if (name == "And" || name == "Or") {
    if (!operand.is_array() || operand.empty()) return fail(Code::invalid_input, "{} takes a list of rules", name);
    for (const Json& part : operand) TRY(check_choice(part, true));
    return {};
  }
  TRY(check_expression(TRY(string_field(rule, "Variable"))));
  if (std::ranges::find(kTests, name) != kTests.end()) {
    if (!operand.is_boolean()) return fail(Code::invalid_input, "{} takes true or false", name);
    return {};
  }
  if (name == "StringMatches") {
    if (!operand.is_string()) return fail(Code::invalid_input, "StringMatches takes a text");
    return {};
  }
  if (comparison_named(name) == nullptr)
    return fail(Code::invalid_input, "there is no comparison '{}'", name.substr(0, 80));
  if (name.ends_with("Path")) {
    if (!operand.is_string()) return fail(Code::invalid_input, "{} takes a path", name);
    return check_expression(operand.get<std::string>());
  }
  return {};
}

}  // namespace tillite
