#pragma once

#include <memory>
#include <vector>

#include "expressions/path_expression.h"

namespace tillite {

/// A payload template (Parameters, ItemSelector, ResultSelector, Assign...): a value in which every field "name.$"
/// becomes "name" with the value of its expression, at any depth, also in arrays.
///
/// Threads: any; a template is immutable and cheap to copy.
class PayloadTemplate {
 public:
  struct Node;

  /// `invalid_input` names the field whose expression is none.
  [[nodiscard]] static Result<PayloadTemplate> parse(const Value& payload);

  /// The value with all expressions replaced. Without any, it is the parsed value itself and costs nothing. Errors are
  /// named (States.Runtime), their message is AWS's cause without the state's name.
  [[nodiscard]] Result<Value> fill(const Scope& scope) const;

  /// Whether there is no expression in it.
  [[nodiscard]] bool is_constant() const;
  /// All expressions in it, in their order.
  [[nodiscard]] std::vector<PathExpression> expressions() const;

 private:
  explicit PayloadTemplate(std::shared_ptr<const Node> root) : root_(std::move(root)) {}

  std::shared_ptr<const Node> root_;
};

}  // namespace tillite
