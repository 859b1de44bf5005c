// The functions at the end of a path, after Jayway's PathFunctionFactory. Sums and the like are never whole numbers
// there.
#include <algorithm>
#include <cmath>

#include "expressions/json_path_evaluation.h"

namespace tillite::json_path {
namespace {

std::vector<double> numbers_of(const Function& function, const Value& value) {
  std::vector<double> numbers;
  const auto add = [&](const Value& one) {
    if (one.is_number()) numbers.push_back(one.number());
  };
  if (value.is_array()) std::ranges::for_each(value.array(), add);
  std::ranges::for_each(function.arguments, add);
  return numbers;
}

double sum_of(const std::vector<double>& numbers) {
  double sum = 0;
  for (const double number : numbers) sum += number;
  return sum;
}

double deviation_of(const std::vector<double>& numbers) {
  double squares = 0;
  for (const double number : numbers) squares += number * number;
  const auto count = static_cast<double>(numbers.size());
  const double mean = sum_of(numbers) / count;
  return std::sqrt(std::max(0.0, squares / count - mean * mean));
}

Result<Value> aggregate(const Function& function, const Value& value) {
  const std::vector<double> numbers = numbers_of(function, value);
  if (numbers.empty()) {
    return std::unexpected(Error(Code::failed, "Aggregation function attempted to calculate value using empty array")
                               .named("States.Runtime"));
  }
  switch (function.kind) {
    case Function::Kind::minimum:
      return Value(std::ranges::min(numbers));
    case Function::Kind::maximum:
      return Value(std::ranges::max(numbers));
    case Function::Kind::average:
      return Value(sum_of(numbers) / static_cast<double>(numbers.size()));
    case Function::Kind::deviation:
      return Value(deviation_of(numbers));
    default:
      return Value(sum_of(numbers));
  }
}

}  // namespace

Result<Value> call(const Function& function, const Value& value) {
  switch (function.kind) {
    case Function::Kind::length:
    case Function::Kind::size:
      if (value.is_array()) return Value(value.array().size());
      if (value.is_object()) return Value(value.object().size());
      return Value();
    case Function::Kind::keys: {
      if (!value.is_object()) return Value();
      Value::Array names;
      for (const auto& field : value.object()) names.emplace_back(field.name);
      return Value(std::move(names));
    }
    case Function::Kind::concat: {
      std::string text;
      const auto add = [&](const Value& one) {
        if (one.is_string()) text += one.string();
      };
      if (value.is_array()) std::ranges::for_each(value.array(), add);
      std::ranges::for_each(function.arguments, add);
      return Value(std::move(text));
    }
    case Function::Kind::append: {
      if (!value.is_array()) return value;
      Value::Array items = value.array();
      items.insert(items.end(), function.arguments.begin(), function.arguments.end());
      return Value(std::move(items));
    }
    case Function::Kind::first:
    case Function::Kind::last:
      if (!value.is_array() || value.array().empty()) return Value();
      return function.kind == Function::Kind::first ? value.array().front() : value.array().back();
    default:
      return aggregate(function, value);
  }
}

}  // namespace tillite::json_path
