#pragma once

#include <memory>
#include <string_view>

#include "expressions/scope.h"

namespace tillite {

/// The condition of one of a Choice state's rules in JSONPath: a comparison, or And, Or and Not of conditions. Fields
/// that are no part of the condition (Next, Assign, Output, Comment) are the state's, and are passed over.
///
/// Threads: any; a rule is immutable and cheap to copy.
class ChoiceRule {
 public:
  struct Node;

  /// `invalid_input` says what is wrong with it, and where in the rule.
  [[nodiscard]] static Result<ChoiceRule> parse(const Value& rule);

  /// Whether it holds. A value of another type than the comparison's does not; a path that leads nowhere is an error
  /// named States.Runtime (but for IsPresent), whose message is AWS's cause without the state's name.
  [[nodiscard]] Result<bool> holds(const Scope& scope) const;

 private:
  explicit ChoiceRule(std::shared_ptr<const Node> root) : root_(std::move(root)) {}

  std::shared_ptr<const Node> root_;
};

/// Whether a field of a rule is a comparison: "StringEquals", "NumericLessThanPath", "IsPresent"...
[[nodiscard]] bool is_choice_operator(std::string_view name);

}  // namespace tillite
