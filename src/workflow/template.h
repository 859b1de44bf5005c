#pragma once

#include <memory>
#include <variant>

#include "expressions/jsonata.h"
#include "expressions/path_expression.h"
#include "expressions/payload_template.h"
#include "workflow/failure.h"

namespace tillite {

enum class QueryLanguage { jsonpath, jsonata };

/// What the expressions of a state can see at one moment of its life. The references live as long as the evaluation.
struct View {
  const Value& input;                     ///< "$" in JSONPath, $states.input in JSONata
  const std::function<Value()>& context;  ///< makes "$$", $states.context
  const Variables& variables;
  Random& random;
  std::int64_t now_ms = 0;
  const Value* result = nullptr;        ///< $states.result, where there is one
  const Value* error_output = nullptr;  ///< $states.errorOutput, in a Catch
};

/// A value with expressions in it, in either query language: what Parameters, Arguments, Output, Assign ... hold. In
/// JSONata every text "{% ... %}" is an expression, at any depth.
class Template {
 public:
  struct Node;  ///< of a JSONata template

  /// `field`: its name, for errors. `invalid_input` names the field inside whose expression is none.
  [[nodiscard]] static Result<Template> parse(const Value& value, QueryLanguage language, std::string field);

  /// The value with every expression replaced by what it yields.
  [[nodiscard]] Outcome fill(const View& view) const;

  [[nodiscard]] const std::string& field() const { return field_; }

 private:
  Template(std::string field, std::variant<PayloadTemplate, std::shared_ptr<const Node>> content)
      : field_(std::move(field)), content_(std::move(content)) {}

  std::string field_;
  std::variant<PayloadTemplate, std::shared_ptr<const Node>> content_;
};

/// A field that is a number, a text or a list, written down or found out: "Seconds": 5, "SecondsPath": "$.seconds", or
/// "Seconds": "{% $states.input.seconds %}".
class Field {
 public:
  /// What the state has under `name` or, in JSONPath, under `name` + "Path"; nullopt if neither is there.
  [[nodiscard]] static Result<std::optional<Field>> parse(const Value& state, const std::string& name,
                                                          QueryLanguage language);

  /// Its value. In JSONPath a path that leads nowhere has the code not_found in `missing`.
  [[nodiscard]] Outcome evaluate(const View& view) const;
  /// As evaluate(), but for a path that leads nowhere: nullopt.
  [[nodiscard]] std::expected<std::optional<Value>, Failure> find(const View& view) const;

  [[nodiscard]] const std::string& name() const { return name_; }  ///< "Seconds" or "SecondsPath"
  [[nodiscard]] bool is_path() const { return std::holds_alternative<PathExpression>(content_); }
  [[nodiscard]] bool is_fixed() const { return std::holds_alternative<Value>(content_); }
  /// As it is written: the path, or the expression without its "{% %}".
  [[nodiscard]] std::string text() const;

 private:
  Field(std::string name, std::variant<Value, PathExpression, Template> content, std::string text)
      : name_(std::move(name)), content_(std::move(content)), text_(std::move(text)) {}

  std::string name_;
  std::variant<Value, PathExpression, Template> content_;
  std::string text_;
};

/// "{% $x %}" without its marks and blanks; nullopt for a text that is no expression.
[[nodiscard]] std::optional<std::string_view> jsonata_in(std::string_view text);

/// QueryEvaluationError of an expression in `location` whose value is not of the type that is wanted there.
[[nodiscard]] Failure unexpected_type(std::string_view expression, std::string_view location, std::string_view expected,
                                      const Value& value);

}  // namespace tillite
