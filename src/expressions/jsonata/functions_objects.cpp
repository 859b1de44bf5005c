#include <algorithm>

#include "expressions/jsonata/builtins.h"
#include "expressions/jsonata/evaluator.h"
#include "expressions/jsonata/faults.h"

namespace tillite::jsonata {
namespace {

using Arguments = Builtin::Arguments;

Result<void> gather_keys(Evaluator& evaluator, const Datum& datum, Record& names) {
  TRY(evaluator.charge(1));
  if (datum.is_array()) {
    for (std::size_t i = 0; i < datum.size(); ++i) TRY(gather_keys(evaluator, datum.at(i), names));
  } else if (datum.is_object()) {
    TRY(evaluator.charge(datum.field_count()));
    for (std::size_t i = 0; i < datum.field_count(); ++i) names.set(datum.field_at(i).first, Value(true));
  }
  return {};
}

Result<Datum> keys(Evaluator& evaluator, const Arguments& arguments) {
  Record names;
  TRY(gather_keys(evaluator, argument(arguments, 0), names));
  std::vector<Datum> results;
  for (const Record::Field& field : names.fields()) results.emplace_back(Value(field.name));
  return evaluator.sequence(std::move(results));
}

Result<Datum> lookup(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& name = argument(arguments, 1);
  return name.is_string() ? evaluator.lookup(argument(arguments, 0), name.string()) : Datum();
}

Result<Datum> spread(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& value = argument(arguments, 0);
  if (value.is_array()) {
    std::vector<Datum> results;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const Datum part = TRY(spread(evaluator, {value.at(i)}));
      if (part.is_undefined()) continue;
      if (part.is_array()) {
        for (std::size_t k = 0; k < part.size(); ++k) results.push_back(part.at(k));
      } else {
        results.push_back(part);
      }
    }
    return value.size() == 0 ? evaluator.sequence({}) : evaluator.array(std::move(results));
  }
  if (!value.is_object()) return value;
  std::vector<Datum> results;
  for (std::size_t i = 0; i < value.field_count(); ++i) {
    const auto [name, field] = value.field_at(i);
    const auto record = std::make_shared<Record>();
    record->set(name, field);
    results.emplace_back(record);
  }
  return evaluator.sequence(std::move(results));
}

Result<Datum> merge(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& objects = argument(arguments, 0);
  if (objects.is_undefined()) return Datum();
  const auto merged = std::make_shared<Record>();
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const Datum object = objects.at(i);
    TRY(evaluator.charge(object.field_count()));
    for (std::size_t k = 0; k < object.field_count(); ++k) {
      const auto [name, value] = object.field_at(k);
      merged->set(name, value);
    }
  }
  return Datum(merged);
}

Result<Datum> each(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& object = argument(arguments, 0);
  std::vector<Datum> results;
  for (std::size_t i = 0; object.is_object() && i < object.field_count(); ++i) {
    const auto [name, value] = object.field_at(i);
    Datum result = TRY(evaluator.call_with(argument(arguments, 1), value, Value(name), object));
    if (!result.is_undefined()) results.push_back(std::move(result));
  }
  return evaluator.sequence(std::move(results));
}

Result<Datum> sift(Evaluator& evaluator, const Arguments& arguments) {
  const Datum& object = argument(arguments, 0);
  const auto kept = std::make_shared<Record>();
  for (std::size_t i = 0; object.is_object() && i < object.field_count(); ++i) {
    const auto [name, value] = object.field_at(i);
    const Datum answer = TRY(evaluator.call_with(argument(arguments, 1), value, Value(name), object));
    if (TRY(evaluator.truthy(answer))) kept->set(name, value);
  }
  return kept->fields().empty() ? Datum() : Datum(kept);
}

Result<Datum> error(Evaluator& /*evaluator*/, const Arguments& arguments) {
  const Datum& message = argument(arguments, 0);
  const bool says = message.is_string() && !message.string().empty();
  return fault("D3137", {.value = says ? message.string() : "$error() function evaluated"});
}

Result<Datum> assert_true(Evaluator& /*evaluator*/, const Arguments& arguments) {
  const Datum& condition = argument(arguments, 0);
  if (condition.is_boolean() && condition.boolean()) return Datum();
  const Datum& message = argument(arguments, 1);
  const bool says = message.is_string() && !message.string().empty();
  return fault("D3141", {.value = says ? message.string() : "$assert() statement failed"});
}

Result<Datum> type(Evaluator& /*evaluator*/, const Arguments& arguments) {
  const Datum& value = argument(arguments, 0);
  if (value.is_undefined()) return Datum();
  if (value.is_null()) return Datum(Value("null"));
  if (value.is_number()) return Datum(Value("number"));
  if (value.is_string()) return Datum(Value("string"));
  if (value.is_boolean()) return Datum(Value("boolean"));
  if (value.is_array()) return Datum(Value("array"));
  return Datum(Value(value.is_function() ? "function" : "object"));
}

Result<Datum> clone(Evaluator& evaluator, const Arguments& arguments) {
  return argument(arguments, 0).is_undefined() ? Datum() : evaluator.clone(argument(arguments, 0));
}

}  // namespace

void add_object_functions(std::vector<Builtin>& builtins) {
  builtins.push_back(builtin("keys", "<x-:a<s>>", 1, keys));
  builtins.push_back(builtin("lookup", "<x-s:x>", 2, lookup));
  builtins.push_back(builtin("spread", "<x-:a<o>>", 1, spread));
  builtins.push_back(builtin("merge", "<a<o>:o>", 1, merge));
  builtins.push_back(builtin("each", "<o-f:a>", 2, each));
  builtins.push_back(builtin("sift", "<o-f?:o>", 2, sift));
  builtins.push_back(builtin("error", "<s?:x>", 1, error));
  builtins.push_back(builtin("assert", "<bs?:x>", 2, assert_true));
  builtins.push_back(builtin("type", "<x:s>", 1, type));
  builtins.push_back(builtin("clone", "<(oa)-:o>", 1, clone));
}

}  // namespace tillite::jsonata
