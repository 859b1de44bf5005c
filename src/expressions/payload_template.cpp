#include "expressions/payload_template.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "expressions/path_expression.h"

namespace tillite {
namespace {

constexpr std::string_view kExpressionMark = ".$";

}  // namespace

struct PayloadTemplate::Node {
  struct Field;
  struct Expression {
    PathExpression expression;
    std::string field;  ///< "name.$", for messages
  };
  using Fields = std::vector<Field>;
  using Items = std::vector<Node>;
  std::variant<Value, Expression, Fields, Items> what;

  [[nodiscard]] bool is_constant() const { return std::holds_alternative<Value>(what); }
  [[nodiscard]] static Result<Node> of(const Value& payload);
  [[nodiscard]] static Result<Node> of_object(const Value& payload);
  [[nodiscard]] static Result<Node> of_array(const Value& payload);
  [[nodiscard]] Result<Value> fill(const Scope& scope) const;
  void add_expressions(std::vector<PathExpression>& expressions) const;
};

struct PayloadTemplate::Node::Field {
  std::string name;  ///< without ".$"
  Node node;
};

Result<PayloadTemplate::Node> PayloadTemplate::Node::of(const Value& payload) {
  if (payload.is_object()) return of_object(payload);
  if (payload.is_array()) return of_array(payload);
  return Node{payload};
}

Result<PayloadTemplate::Node> PayloadTemplate::Node::of_object(const Value& payload) {
  Fields fields;
  bool is_constant = true;
  for (const auto& [name, value] : payload.object()) {
    if (!name.ends_with(kExpressionMark)) {
      auto node = of(value);
      if (!node) return pass_on(node, name);
      is_constant = is_constant && node->is_constant();
      fields.push_back({name, *std::move(node)});
      continue;
    }
    if (!value.is_string())
      return fail(Code::invalid_input, "{}: the value of a field that ends in '.$' must be a text", name);
    auto expression = PathExpression::parse(value.string());
    if (!expression) return pass_on(expression, name);
    is_constant = false;
    fields.push_back(
        {name.substr(0, name.size() - kExpressionMark.size()), Node{Expression{*std::move(expression), name}}});
  }
  if (is_constant) return Node{payload};
  return Node{std::move(fields)};
}

Result<PayloadTemplate::Node> PayloadTemplate::Node::of_array(const Value& payload) {
  Items items;
  for (const Value& value : payload.array()) {
    auto node = of(value);
    if (!node) return pass_on(node, fmt::format("[{}]", items.size()));
    items.push_back(*std::move(node));
  }
  if (std::ranges::all_of(items, &Node::is_constant)) return Node{payload};
  return Node{std::move(items)};
}

Result<Value> PayloadTemplate::Node::fill(const Scope& scope) const {
  if (const auto* constant = std::get_if<Value>(&what)) return *constant;
  if (const auto* one = std::get_if<Expression>(&what)) {
    auto value = one->expression.evaluate(scope);
    if (!value) return std::unexpected(path_not_found(one->expression, one->field, scope, value.error()));
    return value;
  }
  if (const auto* items = std::get_if<Items>(&what)) {
    Value::Array filled;
    filled.reserve(items->size());
    for (const Node& item : *items) filled.push_back(TRY(item.fill(scope)));
    return Value(std::move(filled));
  }
  Value::Object filled;
  for (const Field& field : std::get<Fields>(what)) filled.set(field.name, TRY(field.node.fill(scope)));
  return Value(std::move(filled));
}

void PayloadTemplate::Node::add_expressions(std::vector<PathExpression>& expressions) const {
  if (const auto* one = std::get_if<Expression>(&what)) expressions.push_back(one->expression);
  if (const auto* items = std::get_if<Items>(&what)) {
    for (const Node& item : *items) item.add_expressions(expressions);
  }
  if (const auto* fields = std::get_if<Fields>(&what)) {
    for (const Field& field : *fields) field.node.add_expressions(expressions);
  }
}

Result<PayloadTemplate> PayloadTemplate::parse(const Value& payload) {
  return PayloadTemplate(std::make_shared<const Node>(TRY(Node::of(payload))));
}

Result<Value> PayloadTemplate::fill(const Scope& scope) const { return root_->fill(scope); }

bool PayloadTemplate::is_constant() const { return root_->is_constant(); }

std::vector<PathExpression> PayloadTemplate::expressions() const {
  std::vector<PathExpression> expressions;
  root_->add_expressions(expressions);
  return expressions;
}

}  // namespace tillite
