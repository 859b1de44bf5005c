#include "workflow/template.h"

namespace tillite {
namespace {

std::string_view type_name(const Value& value) {
  switch (value.type()) {
    case Value::Type::null:
      return "null";
    case Value::Type::boolean:
      return "boolean";
    case Value::Type::integer:
    case Value::Type::real:
      return "number";
    case Value::Type::string:
      return "string";
    case Value::Type::array:
      return "array";
    case Value::Type::object:
      return "object";
  }
  return "";
}

Failure query_error(std::string cause, std::string_view location) {
  return {.error = errors::kQueryEvaluationError,
          .cause = std::move(cause),
          .location = std::string(location),
          .evaluation = true};
}

}  // namespace

/// A fixed value, an expression, or an array or object of nodes of which at least one is an expression.
struct Template::Node {
  struct Expression {
    std::string text;
    Jsonata jsonata;
  };
  struct Child {
    std::string name;  ///< of an object's field
    std::shared_ptr<const Node> node;
  };
  struct Array {
    std::vector<Child> items;
  };
  struct Object {
    std::vector<Child> fields;
  };

  std::string location;  ///< "Arguments/FunctionName"
  std::variant<Value, Expression, Array, Object> content;

  static Result<std::shared_ptr<const Node>> parse(const Value& value, const std::string& location) {
    auto node = std::make_shared<Node>();
    node->location = location;
    bool fixed = true;
    const auto child = [&](const std::string& name, const Value& field) -> Result<Child> {
      auto parsed = TRY(parse(field, location + "/" + name));
      fixed = fixed && std::holds_alternative<Value>(parsed->content);
      return Child{name, std::move(parsed)};
    };
    if (value.is_string()) {
      if (const auto text = jsonata_in(value.string())) {
        auto jsonata = Jsonata::parse(*text);
        if (!jsonata) return pass_on(jsonata, location);
        node->content = Expression{std::string(*text), *std::move(jsonata)};
        fixed = false;
      }
    } else if (value.is_array()) {
      Array array;
      for (std::size_t i = 0; i < value.array().size(); ++i)
        array.items.push_back(TRY(child(std::to_string(i), value.array()[i])));
      if (!fixed) node->content = std::move(array);
    } else if (value.is_object()) {
      Object object;
      for (const auto& [name, field] : value.object()) object.fields.push_back(TRY(child(name, field)));
      if (!fixed) node->content = std::move(object);
    }
    if (fixed) node->content = value;
    return std::shared_ptr<const Node>(std::move(node));
  }

  [[nodiscard]] Outcome fill(const Jsonata::Variables& variables, const View& view) const {
    if (const auto* fixed = std::get_if<Value>(&content)) return *fixed;
    if (const auto* expression = std::get_if<Expression>(&content)) {
      const auto value = expression->jsonata.evaluate(std::nullopt, variables, {view.now_ms, view.random});
      if (!value) {
        return std::unexpected(query_error(
            fmt::format("The JSONata expression '{}' specified for the field '{}' threw an error during evaluation. {}",
                        expression->text, location, value.error().message()),
            location));
      }
      if (!*value) {
        return std::unexpected(query_error(
            fmt::format("The JSONata expression '{}' specified for the field '{}' returned nothing (undefined).",
                        expression->text, location),
            location));
      }
      return **value;
    }
    if (const auto* array = std::get_if<Array>(&content)) {
      Value::Array items;
      items.reserve(array->items.size());
      for (const Child& item : array->items) {
        auto value = item.node->fill(variables, view);
        if (!value) return value;
        items.push_back(*std::move(value));
      }
      return Value(std::move(items));
    }
    Value::Object fields;
    for (const Child& field : std::get<Object>(content).fields) {
      auto value = field.node->fill(variables, view);
      if (!value) return value;
      fields.set(field.name, *std::move(value));
    }
    return Value(std::move(fields));
  }
};

Result<Template> Template::parse(const Value& value, QueryLanguage language, std::string field) {
  if (language == QueryLanguage::jsonpath) {
    auto payload = PayloadTemplate::parse(value);
    if (!payload) return pass_on(payload, field);
    return Template(std::move(field), *std::move(payload));
  }
  auto node = TRY(Node::parse(value, field));
  return Template(std::move(field), std::move(node));
}

Outcome Template::fill(const View& view) const {
  if (const auto* payload = std::get_if<PayloadTemplate>(&content_)) {
    auto value = payload->fill({view.input, view.context, view.variables, view.random});
    if (!value) return std::unexpected(Failure::of(value.error()));
    return *std::move(value);
  }
  const Node& root = *std::get<std::shared_ptr<const Node>>(content_);
  if (const auto* fixed = std::get_if<Value>(&root.content)) return *fixed;
  Value::Object states;
  states.set("input", view.input);
  if (view.result != nullptr) states.set("result", *view.result);
  if (view.error_output != nullptr) states.set("errorOutput", *view.error_output);
  states.set("context", view.context());
  Jsonata::Variables variables = view.variables;
  variables.insert_or_assign("states", std::move(states));
  return root.fill(variables, view);
}

Result<std::optional<Field>> Field::parse(const Value& state, const std::string& name, QueryLanguage language) {
  if (language == QueryLanguage::jsonpath) {
    if (const Value* path = state.find(name + "Path")) {
      if (!path->is_string()) return fail(Code::invalid_input, "{}Path must be a path", name);
      auto expression = PathExpression::parse(path->string());
      if (!expression) return pass_on(expression, name + "Path");
      return Field(name + "Path", *std::move(expression), path->string());
    }
  }
  const Value* value = state.find(name);
  if (value == nullptr) return std::nullopt;
  if (language == QueryLanguage::jsonata) {
    const auto text = value->is_string() ? jsonata_in(value->string()) : std::nullopt;
    if (text || value->is_array() || value->is_object())
      return Field(name, TRY(Template::parse(*value, language, name)), std::string(text.value_or("")));
  }
  return Field(name, *value, "");
}

Outcome Field::evaluate(const View& view) const {
  if (const auto* fixed = std::get_if<Value>(&content_)) return *fixed;
  if (const auto* filled = std::get_if<Template>(&content_)) return filled->fill(view);
  const auto& path = std::get<PathExpression>(content_);
  auto value = path.evaluate({view.input, view.context, view.variables, view.random});
  if (!value)
    return std::unexpected(Failure::of(
        path_not_found(path, name_, {view.input, view.context, view.variables, view.random}, value.error())));
  return *std::move(value);
}

std::expected<std::optional<Value>, Failure> Field::find(const View& view) const {
  if (const auto* path = std::get_if<PathExpression>(&content_)) {
    auto value = path->evaluate({view.input, view.context, view.variables, view.random});
    if (value) return *std::move(value);
    if (value.error().code() == Code::not_found) return std::nullopt;
    return std::unexpected(Failure::of(value.error()));
  }
  auto value = evaluate(view);
  if (!value) return std::unexpected(std::move(value).error());
  return *std::move(value);
}

std::string Field::text() const { return text_; }

std::optional<std::string_view> jsonata_in(std::string_view text) {
  if (text.size() < 4 || !text.starts_with("{%") || !text.ends_with("%}")) return std::nullopt;
  text = text.substr(2, text.size() - 4);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return std::string_view();
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Failure unexpected_type(std::string_view expression, std::string_view location, std::string_view expected,
                        const Value& value) {
  return query_error(
      fmt::format("The JSONata expression '{}' specified for the field '{}' returned an unexpected result "
                  "type. Expected '{}', but was '{}' for value: {}",
                  expression, location, expected, type_name(value), to_text(value)),
      location);
}

}  // namespace tillite
