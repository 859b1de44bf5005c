#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "expressions/json_path.h"
#include "expressions/scope.h"

namespace tillite {

/// What a field that ends in ".$" or "Path" holds: a path into the input ("$.a"), the context object
/// ("$$.Execution.Id") or a variable ("$name.a"), or a call of an intrinsic function ("States.Format('{}', $.a)").
///
/// Threads: any; an expression is immutable and cheap to copy.
class PathExpression {
 public:
  enum class Origin : std::uint8_t { input, context, variable, call };
  struct Program;

  /// `invalid_input` says at which byte it goes wrong.
  [[nodiscard]] static Result<PathExpression> parse(std::string_view text);

  /// Its value; null for an item behind an array's end. Errors of paths are JsonPath::select()'s, and who knows the
  /// field says them with invalid_path() or path_not_found(). Errors of functions are `failed` named States.Runtime,
  /// and complete: "The function 'States.MathAdd($.a, 1)' had the following error: Invalid arguments in
  /// States.MathAdd".
  [[nodiscard]] Result<Value> evaluate(const Scope& scope) const;
  /// The same, but nothing for an item behind an array's end.
  [[nodiscard]] Result<std::optional<Value>> find(const Scope& scope) const;

  [[nodiscard]] Origin origin() const;
  /// As it was parsed.
  [[nodiscard]] const std::string& text() const;
  /// As AWS's messages name a path: the context object's begin with one "$".
  [[nodiscard]] std::string_view shown_text() const;
  /// Whether it is a path into the input that names one place at most: what ResultPath takes.
  [[nodiscard]] bool is_reference() const;
  /// The path behind "$", "$$" or "$name"; nullptr for a call.
  [[nodiscard]] const JsonPath* path() const;
  /// The variables that it refers to, without "$", also in the arguments of calls.
  [[nodiscard]] std::vector<std::string> variables() const;

 private:
  explicit PathExpression(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

  std::shared_ptr<const Program> program_;
};

/// Whether a name can be a variable's: a letter or '_', then letters, digits and '_', of any script; at most 80
/// characters.
[[nodiscard]] bool is_variable_name(std::string_view name);

/// The error of InputPath and OutputPath: "Invalid path '$.x' : No results for path: $['x']". Errors of functions pass
/// through.
[[nodiscard]] Error invalid_path(const PathExpression& expression, const Error& error);

/// The error of a template's field, and of CausePath and ErrorPath: "The JSONPath '$.x' specified for the field 'x.$'
/// could not be found in the input '{...}'". Errors of another code than `not_found` pass through. The input is the
/// context object for a path into that.
[[nodiscard]] Error path_not_found(const PathExpression& expression, std::string_view field, const Scope& scope,
                                   const Error& error);

}  // namespace tillite
