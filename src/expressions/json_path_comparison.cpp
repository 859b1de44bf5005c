// How filters compare, after Jayway's EvaluatorFactory.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "expressions/json_path_evaluation.h"

namespace tillite::json_path {
namespace {

bool is_container(const Value& value) { return value.is_array() || value.is_object(); }

std::optional<double> number_in(const std::string& text) {
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

/// A number equals a text that spells it; the left side decides whether as numbers or as texts.
bool equal(const Value* left, const Value* right) {
  if (left == nullptr || right == nullptr) return false;
  if (left->is_number() && right->is_string()) return number_in(right->string()) == left->number();
  if (left->is_string() && right->is_number()) return left->string() == to_text(*right);
  return *left == *right;
}

bool has(const Value& list, const Value& item) {
  return std::ranges::any_of(list.array(), [&](const Value& one) { return equal(&one, &item); });
}

bool is_subset(const Value& part, const Value& whole) {
  return std::ranges::all_of(part.array(), [&](const Value& item) { return has(whole, item); });
}

std::optional<std::size_t> size_of(const Value& value) {
  if (value.is_string()) return value.string().size();
  if (value.is_array()) return value.array().size();
  if (value.is_object()) return value.object().size();
  return std::nullopt;
}

template <typename Order>
bool ordered(const Value* left, const Value* right, Order order) {
  if (left == nullptr || right == nullptr) return false;
  if (left->is_integer() && right->is_integer()) return order(left->integer(), right->integer());
  if (left->is_number() && right->is_number()) return order(left->number(), right->number());
  if (left->is_string() && right->is_string()) return order(left->string(), right->string());
  return false;
}

bool same_type(const Value* left, const Value* right) {
  if (left == nullptr || right == nullptr) return left == right;
  return left->type() == right->type() || (left->is_number() && right->is_number()) ||
         (is_container(*left) && is_container(*right));
}

bool both_lists(const Value* left, const Value* right) {
  return left != nullptr && right != nullptr && left->is_array() && right->is_array();
}

}  // namespace

bool compare(Comparison comparison, const Value* left, const Value* right) {
  switch (comparison) {
    case Comparison::equal:
      return equal(left, right);
    case Comparison::not_equal:
      return !equal(left, right);
    case Comparison::same_type_equal:
      return same_type(left, right) && equal(left, right);
    case Comparison::same_type_not_equal:
      return !(same_type(left, right) && equal(left, right));
    case Comparison::less:
      return ordered(left, right, std::less<>());
    case Comparison::less_or_equal:
      return ordered(left, right, std::less_equal<>());
    case Comparison::greater:
      return ordered(left, right, std::greater<>());
    case Comparison::greater_or_equal:
      return ordered(left, right, std::greater_equal<>());
    case Comparison::matches:
      return false;  // the evaluation does it: patterns are no values
    case Comparison::in:
      return left != nullptr && right != nullptr && right->is_array() && has(*right, *left);
    case Comparison::not_in:
      return !compare(Comparison::in, left, right);
    case Comparison::contains:
      if (left == nullptr || right == nullptr) return false;
      if (left->is_string() && right->is_string()) return left->string().contains(right->string());
      return left->is_array() && has(*left, *right);
    case Comparison::all:
      return both_lists(left, right) && is_subset(*right, *left);
    case Comparison::size: {
      if (left == nullptr || right == nullptr || !right->is_number()) return false;
      const auto size = size_of(*left);
      return size && static_cast<double>(*size) == right->number();
    }
    case Comparison::empty: {
      if (left == nullptr || right == nullptr || !right->is_boolean()) return false;
      const auto size = size_of(*left);
      return size && (*size == 0) == right->boolean();
    }
    case Comparison::subset_of:
      return both_lists(left, right) && is_subset(*left, *right);
    case Comparison::any_of:
    case Comparison::none_of:
      return both_lists(left, right) && std::ranges::any_of(left->array(), [&](const Value& item) {
                                          return has(*right, item);
                                        }) == (comparison == Comparison::any_of);
  }
  return false;
}

}  // namespace tillite::json_path
