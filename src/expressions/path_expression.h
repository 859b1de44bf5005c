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
  struct Program;

  /// `invalid_input` says at which byte it goes wrong.
  [[nodiscard]] static Result<PathExpression> parse(std::string_view text);

  /// Its value. Errors: `not_found` in Jayway's words if a path leads nowhere, States.IntrinsicFailure of a function.
  /// All are named as AWS names them; who knows the field says it with invalid_path() or path_not_found().
  [[nodiscard]] Result<Value> evaluate(const Scope& scope) const;

  /// As it was parsed.
  [[nodiscard]] const std::string& text() const;
  /// Whether it is a path into the input that names one place at most: what ResultPath and Variable take.
  [[nodiscard]] bool is_reference() const;
  /// Whether it is a call of an intrinsic function.
  [[nodiscard]] bool is_call() const;
  /// The path behind "$", "$$" or "$name"; nullptr for a call.
  [[nodiscard]] const JsonPath* path() const;

 private:
  explicit PathExpression(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

  std::shared_ptr<const Program> program_;
};

/// The error of InputPath, OutputPath and Variable: "Invalid path '$.x' : No results for path: $['x']". Errors of
/// another code than `not_found` pass through.
[[nodiscard]] Error invalid_path(const PathExpression& expression, const Error& error);

/// The error of a template's field, and of CausePath and ErrorPath: "The JSONPath '$.x' specified for the field 'x.$'
/// could not be found in the input '{...}'". Errors of another code than `not_found` pass through.
[[nodiscard]] Error path_not_found(const PathExpression& expression, std::string_view field, const Value& input,
                                   const Error& error);

}  // namespace tillite
