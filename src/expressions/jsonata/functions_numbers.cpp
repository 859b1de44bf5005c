#include <cmath>

#include "expressions/jsonata/builtins.h"
#include "expressions/jsonata/evaluator.h"
#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/integer_picture.h"
#include "expressions/jsonata/json_text.h"
#include "expressions/jsonata/number_picture.h"
#include "expressions/jsonata/numbers.h"

namespace tillite::jsonata {
namespace {

using Arguments = Builtin::Arguments;

Datum datum_of(double number) { return Value(number); }

/// The numbers of an array, which the signature has seen to.
Result<std::vector<double>> numbers_of(Evaluator& evaluator, const Datum& datum) {
  TRY(evaluator.charge(datum.size()));
  std::vector<double> numbers;
  numbers.reserve(datum.size());
  for (std::size_t i = 0; i < datum.size(); ++i) numbers.push_back(datum.at(i).number());
  return numbers;
}

Result<Datum> sum(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  double total = 0;
  for (const double number : TRY(numbers_of(evaluator, argument(arguments, 0)))) total += number;
  return datum_of(total);
}

Result<Datum> count(Evaluator& /*evaluator*/, const Arguments& arguments) {
  return Datum(Value(argument(arguments, 0).is_undefined() ? 0 : argument(arguments, 0).size()));
}

Result<Datum> max(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined() || argument(arguments, 0).size() == 0) return Datum();
  const auto numbers = TRY(numbers_of(evaluator, argument(arguments, 0)));
  return datum_of(*std::ranges::max_element(numbers));
}

Result<Datum> min(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined() || argument(arguments, 0).size() == 0) return Datum();
  const auto numbers = TRY(numbers_of(evaluator, argument(arguments, 0)));
  return datum_of(*std::ranges::min_element(numbers));
}

Result<Datum> average(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined() || argument(arguments, 0).size() == 0) return Datum();
  double total = 0;
  const auto numbers = TRY(numbers_of(evaluator, argument(arguments, 0)));
  for (const double number : numbers) total += number;
  return datum_of(total / static_cast<double>(numbers.size()));
}

Result<Datum> number(Evaluator& /*evaluator*/, const Arguments& arguments) {
  const Datum& value = argument(arguments, 0);
  if (value.is_undefined() || value.is_number()) return value;
  if (value.is_boolean()) return Datum(Value(value.boolean() ? 1 : 0));
  if (value.is_string())
    if (const auto parsed = parse_number(value.string())) return datum_of(*parsed);
  return fault("D3030", {.value = json_text(value)});
}

template <typename Function>
Result<Datum> with_number(const Arguments& arguments, const Function& function) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  return datum_of(function(argument(arguments, 0).number()));
}

Result<Datum> floor(Evaluator& /*evaluator*/, const Arguments& arguments) {
  return with_number(arguments, [](double number) { return std::floor(number); });
}
Result<Datum> ceil(Evaluator& /*evaluator*/, const Arguments& arguments) {
  return with_number(arguments, [](double number) { return std::ceil(number); });
}
Result<Datum> abs(Evaluator& /*evaluator*/, const Arguments& arguments) {
  return with_number(arguments, [](double number) { return std::abs(number); });
}

Result<Datum> round(Evaluator& /*evaluator*/, const Arguments& arguments) {
  const Datum& precision = argument(arguments, 1);
  const double decimals = precision.is_number() ? std::clamp(precision.number(), -400.0, 400.0) : 0;
  return with_number(
      arguments, [&](double number) { return rounded(number, std::isnan(decimals) ? 0 : static_cast<int>(decimals)); });
}

Result<Datum> sqrt(Evaluator& /*evaluator*/, const Arguments& arguments) {
  const Datum& value = argument(arguments, 0);
  if (value.is_number() && value.number() < 0) return fault("D3060", {.value = json_text(value)});
  return with_number(arguments, [](double number) { return std::sqrt(number); });
}

Result<Datum> power(Evaluator& /*evaluator*/, const Arguments& arguments) {
  const Datum& base = argument(arguments, 0);
  const Datum& exponent = argument(arguments, 1);
  if (base.is_undefined()) return Datum();
  const double result = exponent.is_number() ? std::pow(base.number(), exponent.number()) : NAN;
  if (!std::isfinite(result)) return fault("D3061", {.value = json_text(base), .value2 = json_text(exponent)});
  return datum_of(result);
}

Result<Datum> format_number(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  if (!argument(arguments, 1).is_string()) return fault("T0410", {.index = "2"});
  return evaluator.text(TRY(formatted_number(argument(arguments, 0).number(), argument(arguments, 1).string(),
                                             TRY(number_symbols(argument(arguments, 2))))));
}

Result<Datum> format_base(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  const double base = argument(arguments, 1).is_number() ? rounded(argument(arguments, 1).number()) : 10;
  if (!(base >= 2 && base <= 36)) return fault("D3100", {.value = json_text(Value(base))});
  return evaluator.text(number_text(rounded(argument(arguments, 0).number()), static_cast<int>(base)));
}

Result<Datum> format_integer(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  if (!argument(arguments, 1).is_string()) return fault("T0410", {.index = "2"});
  const IntegerPicture picture = TRY(IntegerPicture::parse(argument(arguments, 1).string()));
  return evaluator.text(TRY(picture.format(std::floor(argument(arguments, 0).number()))));
}

Result<Datum> parse_integer(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  if (!argument(arguments, 1).is_string()) return fault("T0410", {.index = "2"});
  TRY(evaluator.charge_text(argument(arguments, 0).string().size()));
  const IntegerPicture picture = TRY(IntegerPicture::parse(argument(arguments, 1).string()));
  return datum_of(TRY(picture.read(argument(arguments, 0).string())));
}

}  // namespace

void add_number_functions(std::vector<Builtin>& builtins) {
  builtins.push_back(builtin("sum", "<a<n>:n>", 1, sum));
  builtins.push_back(builtin("count", "<a:n>", 1, count));
  builtins.push_back(builtin("max", "<a<n>:n>", 1, max));
  builtins.push_back(builtin("min", "<a<n>:n>", 1, min));
  builtins.push_back(builtin("average", "<a<n>:n>", 1, average));
  builtins.push_back(builtin("number", "<(nsb)-:n>", 1, number));
  builtins.push_back(builtin("floor", "<n-:n>", 1, floor));
  builtins.push_back(builtin("ceil", "<n-:n>", 1, ceil));
  builtins.push_back(builtin("abs", "<n-:n>", 1, abs));
  builtins.push_back(builtin("round", "<n-n?:n>", 2, round));
  builtins.push_back(builtin("sqrt", "<n-:n>", 1, sqrt));
  builtins.push_back(builtin("power", "<n-n:n>", 2, power));
  builtins.push_back(builtin("formatNumber", "<n-so?:s>", 3, format_number));
  builtins.push_back(builtin("formatBase", "<n-n?:s>", 2, format_base));
  builtins.push_back(builtin("formatInteger", "<n-s:s>", 2, format_integer));
  builtins.push_back(builtin("parseInteger", "<s-s:n>", 2, parse_integer));
}

}  // namespace tillite::jsonata
