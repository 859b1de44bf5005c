#pragma once

#include "expressions/json_path_program.h"

namespace tillite::json_path {

/// What a path selects.
struct Selection {
  bool is_definite = true;
  std::vector<Value> found;
  bool is_absent =
      false;  ///< the one value of a definite path is an item behind an array's end, which Jayway takes for null
};

/// One evaluation of a path below `root`, which lives at least as long.
class Evaluation {
 public:
  explicit Evaluation(const Value& root) : root_(root) {}

  /// Errors: `not_found` and `invalid_input` in Jayway's words where the definite front of a path cannot be walked;
  /// `failed` of a function; `limit_exceeded` if it takes too long.
  [[nodiscard]] Result<Selection> select(const std::vector<Step>& steps, const Value& start);
  /// Whether "@" = `item` fulfils a filter's condition.
  [[nodiscard]] Result<bool> fulfils(const Condition& condition, const Value& item);

 private:
  using Steps = std::vector<Step>;
  /// nullptr stands for an item behind an array's end.
  [[nodiscard]] Result<void> walk(const Steps& steps, std::size_t place, const Value* value, bool definite);
  [[nodiscard]] Result<void> apply(const Fields& fields, const Steps& steps, std::size_t place, const Value* value,
                                   bool definite);
  [[nodiscard]] Result<void> apply(const Indexes& indexes, const Steps& steps, std::size_t place, const Value* value,
                                   bool definite);
  [[nodiscard]] Result<void> apply(const Slice& slice, const Steps& steps, std::size_t place, const Value* value,
                                   bool definite);
  [[nodiscard]] Result<void> apply(const Wildcard& wildcard, const Steps& steps, std::size_t place, const Value* value,
                                   bool definite);
  [[nodiscard]] Result<void> apply(const Descend& descend, const Steps& steps, std::size_t place, const Value* value,
                                   bool definite);
  [[nodiscard]] Result<void> apply(const Filter& filter, const Steps& steps, std::size_t place, const Value* value,
                                   bool definite);
  [[nodiscard]] Result<void> apply(const Function& function, const Steps& steps, std::size_t place, const Value* value,
                                   bool definite);
  [[nodiscard]] Result<void> descend(const Steps& steps, std::size_t place, const Value& value);
  [[nodiscard]] Result<bool> begins_at(const Step& step, const Value& value);

  const Value& root_;
  std::vector<Value> found_;
  bool is_absent_ = false;
  std::size_t visits_ = 0;
};

/// Whether the values of a comparison's two sides (nullptr: nothing was found) fulfil it.
[[nodiscard]] bool compare(Comparison comparison, const Value* left, const Value* right);

/// What a function makes of a value.
[[nodiscard]] Result<Value> call(const Function& function, const Value& value);

}  // namespace tillite::json_path
