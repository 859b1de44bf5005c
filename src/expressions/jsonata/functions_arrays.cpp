#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "expressions/jsonata/builtins.h"
#include "expressions/jsonata/evaluator.h"
#include "expressions/jsonata/faults.h"
#include "expressions/jsonata/merge_sort.h"
#include "expressions/jsonata/text.h"

namespace tillite::jsonata {
namespace {

using Arguments = Builtin::Arguments;

Result<Datum> map(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& array = argument(arguments, 0);
  if (array.is_undefined()) return Datum();
  std::vector<Datum> results;
  for (std::size_t i = 0; i < array.size(); ++i) {
    Datum result = TRY(evaluator.call_with(argument(arguments, 1), array.at(i), Value(i), array));
    if (!result.is_undefined()) results.push_back(std::move(result));
  }
  return evaluator.sequence(std::move(results));
}

Result<Datum> filter(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& array = argument(arguments, 0);
  if (array.is_undefined()) return Datum();
  std::vector<Datum> results;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const Datum item = array.at(i);
    const Datum answer = TRY(evaluator.call_with(argument(arguments, 1), item, Value(i), array));
    if (TRY(evaluator.truthy(answer))) results.push_back(item);
  }
  return evaluator.sequence(std::move(results));
}

Result<Datum> single(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& array = argument(arguments, 0);
  const Datum& function = argument(arguments, 1);
  if (array.is_undefined()) return Datum();
  std::optional<Datum> found;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const Datum item = array.at(i);
    TRY(evaluator.charge(1));
    const bool matches =
        function.is_undefined() || TRY(evaluator.truthy(TRY(evaluator.call_with(function, item, Value(i), array))));
    if (!matches) continue;
    if (found) return fault("D3138");
    found = item;
  }
  if (!found) return fault("D3139");
  return *found;
}

Result<Datum> zip(Evaluator& evaluator, const Arguments& arguments) {
  std::size_t length = arguments.empty() ? 0 : std::numeric_limits<std::size_t>::max();
  for (const Datum& array : arguments) length = std::min(length, array.is_array() ? array.size() : 0);
  std::vector<Datum> results;
  for (std::size_t i = 0; i < length; ++i) {
    std::vector<Datum> tuple;
    for (const Datum& array : arguments) tuple.push_back(array.at(i));
    results.push_back(TRY(evaluator.array(std::move(tuple))));
  }
  return evaluator.array(std::move(results));
}

Result<Datum> reduce(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& array = argument(arguments, 0);
  const Datum& function = argument(arguments, 1);
  if (array.is_undefined()) return Datum();
  const std::size_t arity = function.function()->arity();
  if (arity < 2) return fault("D3050");
  const bool starts_with_item = argument(arguments, 2).is_undefined() && array.size() > 0;
  Datum result = starts_with_item ? array.at(0) : argument(arguments, 2);
  for (std::size_t i = starts_with_item ? 1 : 0; i < array.size(); ++i) {
    std::vector<Datum> given = {result, array.at(i)};
    if (arity >= 3) given.emplace_back(Value(i));
    if (arity >= 4) given.push_back(array);
    result = TRY(evaluator.call(function, std::move(given)));
  }
  return result;
}

Result<Datum> append(Evaluator& evaluator, const Arguments& arguments) {
  return evaluator.joined({argument(arguments, 0), argument(arguments, 1)});
}

Result<Datum> reverse(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& array = argument(arguments, 0);
  if (array.is_undefined() || array.size() <= 1) return array;
  std::vector<Datum> items = array.items();
  std::ranges::reverse(items);
  return evaluator.array(std::move(items));
}

/// As JavaScript has it: arrays and objects are true, whatever is in them.
bool is_true(const Datum& datum) {
  if (datum.is_undefined() || datum.is_null()) return false;
  if (datum.is_boolean()) return datum.boolean();
  if (datum.is_number()) return datum.number() != 0 && !std::isnan(datum.number());
  return !datum.is_string() || !datum.string().empty();
}

Result<Datum> sort(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& array = argument(arguments, 0);
  const Datum& comparator = argument(arguments, 1);
  if (array.is_undefined() || array.size() <= 1) return array;
  std::vector<Datum> items = array.items();
  if (!comparator.is_undefined()) {
    TRY(merge_sort(items, [&](const Datum& one, const Datum& other) -> Result<bool> {
      return is_true(TRY(evaluator.call(comparator, {one, other})));
    }));
    return evaluator.array(std::move(items));
  }
  const bool are_texts = std::ranges::all_of(items, &Datum::is_string);
  if (!are_texts && !std::ranges::all_of(items, &Datum::is_number)) return fault("D3070");
  TRY(merge_sort(items, [&](const Datum& one, const Datum& other) -> Result<bool> {
    TRY(evaluator.charge(1));
    return are_texts ? compare_texts(one.string(), other.string()) > 0 : one.number() > other.number();
  }));
  return evaluator.array(std::move(items));
}

/// Puts each item into a place of those so far, drawn at random.
Result<Datum> shuffle(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& array = argument(arguments, 0);
  if (array.is_undefined() || array.size() <= 1) return array;
  std::vector<Datum> items = array.items();
  for (std::size_t i = 1; i < items.size(); ++i) {
    const double place = unit_interval(evaluator.surroundings().random) * static_cast<double>(i + 1);
    std::swap(items[i], items[static_cast<std::size_t>(place)]);
  }
  return evaluator.array(std::move(items));
}

Result<Datum> distinct(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& array = argument(arguments, 0);
  if (!array.is_array() || array.size() <= 1) return array;
  std::vector<Datum> results;
  std::unordered_multimap<std::size_t, std::size_t> places;  // of results, by their hashes
  for (std::size_t i = 0; i < array.size(); ++i) {
    Datum item = array.at(i);
    const std::size_t hash = TRY(evaluator.hash_of(item));
    bool is_known = false;
    const auto [first, last] = places.equal_range(hash);
    for (auto place = first; place != last && !is_known; ++place)
      is_known = TRY(evaluator.equal(item, results[place->second]));
    if (is_known) continue;
    places.emplace(hash, results.size());
    results.push_back(std::move(item));
  }
  return array.is_sequence() ? evaluator.sequence(std::move(results)) : evaluator.array(std::move(results));
}

Result<Datum> boolean(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  return Datum(Value(TRY(evaluator.truthy(argument(arguments, 0)))));
}

Result<Datum> negated(Evaluator& evaluator, const Arguments& arguments) {
  if (argument(arguments, 0).is_undefined()) return Datum();
  return Datum(Value(!TRY(evaluator.truthy(argument(arguments, 0)))));
}

Result<Datum> exists(Evaluator& /*evaluator*/, const Arguments& arguments) {
  return Datum(Value(!argument(arguments, 0).is_undefined()));
}

}  // namespace

void add_array_functions(std::vector<Builtin>& builtins) {
  builtins.push_back(builtin("map", "<af>", 2, map));
  builtins.push_back(builtin("filter", "<af>", 2, filter));
  builtins.push_back(builtin("single", "<af?>", 2, single));
  builtins.push_back(builtin("zip", "<a+>", 0, zip));
  builtins.push_back(builtin("reduce", "<afj?:j>", 3, reduce));
  builtins.push_back(builtin("append", "<xx:a>", 2, append));
  builtins.push_back(builtin("reverse", "<a:a>", 1, reverse));
  builtins.push_back(builtin("sort", "<af?:a>", 2, sort));
  builtins.push_back(builtin("shuffle", "<a:a>", 1, shuffle));
  builtins.push_back(builtin("distinct", "<x:x>", 1, distinct));
  builtins.push_back(builtin("boolean", "<x-:b>", 1, boolean));
  builtins.push_back(builtin("not", "<x-:b>", 1, negated));
  builtins.push_back(builtin("exists", "<x:b>", 1, exists));
}

}  // namespace tillite::jsonata
