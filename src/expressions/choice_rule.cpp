#include "expressions/choice_rule.h"

#include <algorithm>
#include <array>
#include <variant>
#include <vector>

#include "expressions/path_expression.h"
#include "expressions/timestamp.h"

namespace tillite {
namespace {

constexpr std::size_t kDepthMax = 64;  // of rules in rules

enum class Kind : std::uint8_t { string, number, boolean, timestamp };

/// "NumericGreaterThan": the type that both sides must have, and which outcomes of the comparison fulfil it.
struct Comparison {
  std::string_view name;
  Kind kind;
  bool less;
  bool equal;
  bool greater;
};

constexpr std::array kComparisons = {
    Comparison{"StringEquals", Kind::string, false, true, false},
    Comparison{"StringLessThan", Kind::string, true, false, false},
    Comparison{"StringGreaterThan", Kind::string, false, false, true},
    Comparison{"StringLessThanEquals", Kind::string, true, true, false},
    Comparison{"StringGreaterThanEquals", Kind::string, false, true, true},
    Comparison{"NumericEquals", Kind::number, false, true, false},
    Comparison{"NumericLessThan", Kind::number, true, false, false},
    Comparison{"NumericGreaterThan", Kind::number, false, false, true},
    Comparison{"NumericLessThanEquals", Kind::number, true, true, false},
    Comparison{"NumericGreaterThanEquals", Kind::number, false, true, true},
    Comparison{"BooleanEquals", Kind::boolean, false, true, false},
    Comparison{"TimestampEquals", Kind::timestamp, false, true, false},
    Comparison{"TimestampLessThan", Kind::timestamp, true, false, false},
    Comparison{"TimestampGreaterThan", Kind::timestamp, false, false, true},
    Comparison{"TimestampLessThanEquals", Kind::timestamp, true, true, false},
    Comparison{"TimestampGreaterThanEquals", Kind::timestamp, false, true, true},
};

enum class Test : std::uint8_t { is_null, is_present, is_numeric, is_string, is_boolean, is_timestamp };
/// In the order of the enumeration.
constexpr std::array<std::string_view, 6> kTests = {"IsNull",   "IsPresent", "IsNumeric",
                                                    "IsString", "IsBoolean", "IsTimestamp"};

std::optional<Timestamp> timestamp_in(const Value& value) {
  return value.is_string() ? parse_timestamp(value.string()) : std::nullopt;
}

template <typename T>
bool fulfils(const Comparison& comparison, const T& left, const T& right) {
  if (left < right) return comparison.less;
  return right < left ? comparison.greater : comparison.equal;
}

/// Values of another type fulfil no comparison.
bool compare(const Comparison& comparison, const Value& left, const Value& right) {
  switch (comparison.kind) {
    case Kind::string:
      return left.is_string() && right.is_string() && fulfils(comparison, left.string(), right.string());
    case Kind::number:
      if (left.is_integer() && right.is_integer()) return fulfils(comparison, left.integer(), right.integer());
      return left.is_number() && right.is_number() && fulfils(comparison, left.number(), right.number());
    case Kind::boolean:
      return left.is_boolean() && right.is_boolean() && left == right;
    case Kind::timestamp: {
      const auto a = timestamp_in(left);
      const auto b = timestamp_in(right);
      return a && b && fulfils(comparison, *a, *b);
    }
  }
  return false;
}

bool passes(Test test, const Value& value) {
  switch (test) {
    case Test::is_null:
      return value.is_null();
    case Test::is_present:
      return true;
    case Test::is_numeric:
      return value.is_number();
    case Test::is_string:
      return value.is_string();
    case Test::is_boolean:
      return value.is_boolean();
    case Test::is_timestamp:
      return timestamp_in(value).has_value();
  }
  return false;
}

/// A StringMatches pattern: texts with anything between them.
struct Wildcards {
  std::vector<std::string> parts;

  /// "*" stands for any characters, "\*" and "\\" for themselves.
  static Wildcards parse(std::string_view pattern) {
    Wildcards wildcards{{""}};
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] == '*') {
        wildcards.parts.emplace_back();
        continue;
      }
      if (pattern[i] == '\\' && i + 1 < pattern.size() && (pattern[i + 1] == '*' || pattern[i + 1] == '\\')) ++i;
      wildcards.parts.back() += pattern[i];
    }
    return wildcards;
  }

  [[nodiscard]] bool matches(std::string_view text) const {
    if (parts.size() == 1) return text == parts.front();
    if (!text.starts_with(parts.front())) return false;
    text.remove_prefix(parts.front().size());
    for (std::size_t i = 1; i + 1 < parts.size(); ++i) {
      const std::size_t place = text.find(parts[i]);
      if (place == std::string_view::npos) return false;
      text.remove_prefix(place + parts[i].size());
    }
    return text.ends_with(parts.back());
  }
};

std::unexpected<Error> nothing_there(const PathExpression& path) {
  return std::unexpected(
      Error(Code::not_found, fmt::format("Invalid path '{}': The choice state's condition path references an invalid "
                                         "value.",
                                         path.shown_text()))
          .named("States.Runtime"));
}

/// The value that a comparison needs; nothing where a path leads nowhere.
Result<std::optional<Value>> value_of(const PathExpression& path, const Scope& scope) {
  auto value = path.find(scope);
  if (!value && (value.error().code() == Code::not_found || value.error().code() == Code::invalid_input))
    return std::nullopt;
  return value;
}

}  // namespace

struct ChoiceRule::Node {
  struct All {
    std::vector<Node> parts;
  };
  struct Any {
    std::vector<Node> parts;
  };
  struct Negation {
    std::vector<Node> part;
  };
  struct Compared {
    PathExpression variable;
    const Comparison* comparison;
    std::variant<Value, PathExpression> with;
  };
  struct Tested {
    PathExpression variable;
    Test test;
    bool expected;
  };
  struct Matched {
    PathExpression variable;
    Wildcards wildcards;
  };
  std::variant<All, Any, Negation, Compared, Tested, Matched> what;

  [[nodiscard]] static Result<Node> of(const Value& rule, std::size_t depth);
  [[nodiscard]] static Result<Node> of_comparison(PathExpression variable, std::string_view name, const Value& operand);
  [[nodiscard]] static Result<std::vector<Node>> list_of(const Value& rules, std::string_view name, std::size_t depth);
  [[nodiscard]] Result<bool> holds(const Scope& scope) const;
};

Result<std::vector<ChoiceRule::Node>> ChoiceRule::Node::list_of(const Value& rules, std::string_view name,
                                                                std::size_t depth) {
  if (!rules.is_array() || rules.array().empty())
    return fail(Code::invalid_input, "{} must be a list of rules, not empty", name);
  std::vector<Node> nodes;
  for (const Value& rule : rules.array()) {
    auto node = of(rule, depth);
    if (!node) return pass_on(node, fmt::format("{}[{}]", name, nodes.size()));
    nodes.push_back(*std::move(node));
  }
  return nodes;
}

Result<ChoiceRule::Node> ChoiceRule::Node::of(const Value& rule, std::size_t depth) {
  if (depth > kDepthMax) return fail(Code::limit_exceeded, "rules are nested more than {} times", kDepthMax);
  if (!rule.is_object()) return fail(Code::invalid_input, "a rule must be an object");
  if (const Value* parts = rule.find("And")) return Node{All{TRY(list_of(*parts, "And", depth + 1))}};
  if (const Value* parts = rule.find("Or")) return Node{Any{TRY(list_of(*parts, "Or", depth + 1))}};
  if (const Value* part = rule.find("Not")) {
    auto node = of(*part, depth + 1);
    if (!node) return pass_on(node, "Not");
    Negation negation;
    negation.part.push_back(*std::move(node));
    return Node{std::move(negation)};
  }
  const Value* variable = rule.find("Variable");
  if (variable == nullptr || !variable->is_string())
    return fail(Code::invalid_input, "a rule needs a Variable, or And, Or or Not");
  auto path = PathExpression::parse(variable->string());
  if (!path) return pass_on(path, "Variable");
  for (const auto& [name, operand] : rule.object()) {
    if (is_choice_operator(name)) return of_comparison(*std::move(path), name, operand);
  }
  return fail(Code::invalid_input, "a rule lacks a comparison such as StringEquals");
}

Result<ChoiceRule::Node> ChoiceRule::Node::of_comparison(PathExpression variable, std::string_view name,
                                                         const Value& operand) {
  if (const auto test = std::ranges::find(kTests, name); test != kTests.end()) {
    if (!operand.is_boolean()) return fail(Code::invalid_input, "{} must be true or false", name);
    return Node{Tested{std::move(variable), static_cast<Test>(test - kTests.begin()), operand.boolean()}};
  }
  if (name == "StringMatches") {
    if (!operand.is_string()) return fail(Code::invalid_input, "{} must be a text", name);
    return Node{Matched{std::move(variable), Wildcards::parse(operand.string())}};
  }
  const bool by_path = name.ends_with("Path");
  const std::string_view stem = by_path ? name.substr(0, name.size() - 4) : name;
  const auto comparison = std::ranges::find(kComparisons, stem, &Comparison::name);
  if (!by_path) {
    const bool fits = comparison->kind == Kind::string    ? operand.is_string()
                      : comparison->kind == Kind::number  ? operand.is_number()
                      : comparison->kind == Kind::boolean ? operand.is_boolean()
                                                          : timestamp_in(operand).has_value();
    if (!fits) return fail(Code::invalid_input, "{} has an operand of another type", name);
    return Node{Compared{std::move(variable), &*comparison, operand}};
  }
  if (!operand.is_string()) return fail(Code::invalid_input, "{} must be a path", name);
  auto path = PathExpression::parse(operand.string());
  if (!path) return pass_on(path, name);
  return Node{Compared{std::move(variable), &*comparison, *std::move(path)}};
}

Result<bool> ChoiceRule::Node::holds(const Scope& scope) const {
  if (const auto* all = std::get_if<All>(&what)) {
    for (const Node& part : all->parts) {
      if (!TRY(part.holds(scope))) return false;
    }
    return true;
  }
  if (const auto* any = std::get_if<Any>(&what)) {
    for (const Node& part : any->parts) {
      if (TRY(part.holds(scope))) return true;
    }
    return false;
  }
  if (const auto* negation = std::get_if<Negation>(&what)) return !TRY(negation->part.front().holds(scope));
  if (const auto* tested = std::get_if<Tested>(&what)) {
    const std::optional<Value> value = TRY(value_of(tested->variable, scope));
    if (tested->test == Test::is_present) return value.has_value() == tested->expected;
    if (!value) return nothing_there(tested->variable);
    return passes(tested->test, *value) == tested->expected;
  }
  if (const auto* matched = std::get_if<Matched>(&what)) {
    const std::optional<Value> value = TRY(value_of(matched->variable, scope));
    if (!value) return nothing_there(matched->variable);
    return value->is_string() && matched->wildcards.matches(value->string());
  }
  const auto& compared = std::get<Compared>(what);
  const std::optional<Value> left = TRY(value_of(compared.variable, scope));
  if (!left) return nothing_there(compared.variable);
  if (const auto* constant = std::get_if<Value>(&compared.with)) return compare(*compared.comparison, *left, *constant);
  const auto& path = std::get<PathExpression>(compared.with);
  const std::optional<Value> right = TRY(value_of(path, scope));
  if (!right) return nothing_there(path);
  return compare(*compared.comparison, *left, *right);
}

bool is_choice_operator(std::string_view name) {
  if (name == "StringMatches" || std::ranges::find(kTests, name) != kTests.end()) return true;
  if (name.ends_with("Path")) name.remove_suffix(4);
  return std::ranges::find(kComparisons, name, &Comparison::name) != kComparisons.end();
}

Result<ChoiceRule> ChoiceRule::parse(const Value& rule) {
  return ChoiceRule(std::make_shared<const Node>(TRY(Node::of(rule, 0))));
}

Result<bool> ChoiceRule::holds(const Scope& scope) const { return root_->holds(scope); }

}  // namespace tillite
