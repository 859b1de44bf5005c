#include "expressions/json_path_evaluation.h"

#include <algorithm>

namespace tillite::json_path {
namespace {

constexpr std::size_t kVisitsMax = 5'000'000;  // of values, in one evaluation

/// The class that AWS's messages name for a value that is no object.
std::string_view java_class_of(const Value* value) {
  if (value == nullptr) return "null";
  switch (value->type()) {
    case Value::Type::null:
      return "com.fasterxml.jackson.databind.node.NullNode";
    case Value::Type::boolean:
      return "com.fasterxml.jackson.databind.node.BooleanNode";
    case Value::Type::integer:
      return value->integer() == static_cast<std::int32_t>(value->integer())
                 ? "com.fasterxml.jackson.databind.node.IntNode"
                 : "com.fasterxml.jackson.databind.node.LongNode";
    case Value::Type::real:
      return "com.fasterxml.jackson.databind.node.DoubleNode";
    case Value::Type::string:
      return "com.fasterxml.jackson.databind.node.TextNode";
    case Value::Type::array:
      return "com.fasterxml.jackson.databind.node.ArrayNode";
    case Value::Type::object:
      return "com.fasterxml.jackson.databind.node.ObjectNode";
  }
  return "null";
}

/// The items of an array for a step; nullptr to pass over what is none behind an indefinite step.
Result<const Value::Array*> array_of(const std::vector<Step>& steps, std::size_t place, const Value* value,
                                     bool definite) {
  if (value != nullptr && value->is_array()) return &value->array();
  if (!definite) return nullptr;
  if (value == nullptr) return fail(Code::not_found, "The path {} is null", text_of(steps, place));
  return fail(Code::invalid_input, "Filter: {} can only be applied to arrays. Current context is: {}",
              text_of(steps[place]), to_text(*value));
}

const Value* item_at(const Value::Array& items, std::int64_t index) {
  const auto size = static_cast<std::int64_t>(items.size());
  const std::int64_t place = index < 0 ? size + index : index;
  return place >= 0 && place < size ? &items[static_cast<std::size_t>(place)] : nullptr;
}

bool has_descent(const std::vector<Step>& steps) {
  return std::ranges::any_of(steps, [](const Step& step) { return std::holds_alternative<Descend>(step); });
}

}  // namespace

Result<Selection> Evaluation::select(const std::vector<Step>& steps, const Value& start) {
  found_.clear();
  is_absent_ = false;
  if (!steps.empty() && has_descent(steps)) {
    if (const auto* function = std::get_if<Function>(&steps.back())) {
      // Behind a descent a function is one of the whole list, as in Jayway's library.
      const Steps before(steps.begin(), steps.end() - 1);
      TRY(walk(before, 0, &start, true));
      const Value list(std::move(found_));
      const Value result = TRY(call(*function, list));
      return Selection{.is_definite = true, .found = {result}};
    }
  }
  Selection selection;
  for (std::size_t i = 0; i < steps.size(); ++i)
    selection.is_definite = selection.is_definite && is_definite(steps[i], i + 1 == steps.size());
  if (auto walked = walk(steps, 0, &start, true); !walked) {
    // What leads nowhere selects an empty list where a list is asked for.
    if (selection.is_definite || walked.error().code() != Code::not_found) return std::unexpected(walked.error());
    found_.clear();
  }
  if (selection.is_definite && found_.empty())
    return fail(Code::not_found, "No results for path: {}", text_of(steps, steps.size()));
  selection.found = std::move(found_);
  selection.is_absent = selection.is_definite && is_absent_;
  return selection;
}

Result<void> Evaluation::walk(const Steps& steps, std::size_t place, const Value* value, bool definite) {
  if (++visits_ > kVisitsMax)
    return fail(Code::limit_exceeded, "the path meets more than {} values: make it more exact", kVisitsMax);
  if (place == steps.size()) {
    found_.push_back(value == nullptr ? Value() : *value);
    is_absent_ = value == nullptr;
    return {};
  }
  return std::visit([&](const auto& step) { return apply(step, steps, place, value, definite); }, steps[place]);
}

Result<void> Evaluation::apply(const Fields& fields, const Steps& steps, std::size_t place, const Value* value,
                               bool definite) {
  if (value == nullptr || !value->is_object()) {
    if (!definite) return {};
    return fail(Code::not_found,
                "Expected to find an object with property {} in path {} but found '{}'. This is not a json object "
                "according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider'.",
                text_of(steps[place]), text_of(steps, place), java_class_of(value));
  }
  const bool last = place + 1 == steps.size();
  if (fields.names.size() > 1 && last) {
    Value::Object merged;
    for (const std::string& name : fields.names) {
      if (const Value* field = value->find(name)) merged.set(name, *field);
    }
    const Value object(std::move(merged));
    return walk(steps, place + 1, &object, definite);
  }
  for (const std::string& name : fields.names) {
    const bool single = fields.names.size() == 1;
    if (const Value* field = value->find(name)) {
      TRY(walk(steps, place + 1, field, definite && single));
    } else if (!last && definite && single) {
      return fail(Code::not_found, "Missing property in path {}", text_of(steps, place + 1));
    }
  }
  return {};
}

Result<void> Evaluation::apply(const Indexes& indexes, const Steps& steps, std::size_t place, const Value* value,
                               bool definite) {
  const Value::Array* items = TRY(array_of(steps, place, value, definite));
  if (items == nullptr) return {};
  for (const std::int64_t index : indexes.numbers)
    TRY(walk(steps, place + 1, item_at(*items, index), definite && indexes.numbers.size() == 1));
  return {};
}

Result<void> Evaluation::apply(const Slice& slice, const Steps& steps, std::size_t place, const Value* value,
                               bool definite) {
  const Value::Array* items = TRY(array_of(steps, place, value, definite));
  if (items == nullptr || items->empty()) return {};
  const auto size = static_cast<std::int64_t>(items->size());
  std::int64_t from = slice.from.value_or(0);
  std::int64_t to = std::min(size, slice.to.value_or(size));
  // Only where one end is open a negative number counts from the array's end; between two, each index does by itself.
  if (!slice.to && from < 0) from = std::max<std::int64_t>(0, size + from);
  if (!slice.from && to < 0) to = size + to;
  for (std::int64_t i = std::max(from, -size); i < to; ++i) TRY(walk(steps, place + 1, item_at(*items, i), false));
  return {};
}

Result<void> Evaluation::apply(const Wildcard& /*wildcard*/, const Steps& steps, std::size_t place, const Value* value,
                               bool /*definite*/) {
  if (value == nullptr) return {};
  if (value->is_object()) {
    for (const auto& field : value->object()) TRY(walk(steps, place + 1, &field.value, false));
  } else if (value->is_array()) {
    for (const Value& item : value->array()) TRY(walk(steps, place + 1, &item, false));
  }
  return {};
}

Result<void> Evaluation::apply(const Descend& /*descend*/, const Steps& steps, std::size_t place, const Value* value,
                               bool /*definite*/) {
  return value == nullptr ? Result<void>() : descend(steps, place + 1, *value);
}

Result<void> Evaluation::descend(const Steps& steps, std::size_t place, const Value& value) {
  if (!value.is_object() && !value.is_array()) return {};
  if (TRY(begins_at(steps[place], value))) TRY(walk(steps, place, &value, false));
  if (value.is_object()) {
    for (const auto& field : value.object()) TRY(descend(steps, place, field.value));
  } else {
    for (const Value& item : value.array()) TRY(descend(steps, place, item));
  }
  return {};
}

/// Whether the step behind a descent is tried at a value: Jayway tries filters only where the value itself fulfils
/// them.
Result<bool> Evaluation::begins_at(const Step& step, const Value& value) {
  if (++visits_ > kVisitsMax)
    return fail(Code::limit_exceeded, "the path meets more than {} values: make it more exact", kVisitsMax);
  if (const auto* fields = std::get_if<Fields>(&step))
    return value.is_object() && (fields->names.size() > 1 || value.find(fields->names.front()) != nullptr);
  if (std::holds_alternative<Indexes>(step) || std::holds_alternative<Slice>(step)) return value.is_array();
  if (const auto* filter = std::get_if<Filter>(&step)) return fulfils(*filter->condition, value);
  return true;
}

Result<void> Evaluation::apply(const Filter& filter, const Steps& steps, std::size_t place, const Value* value,
                               bool definite) {
  if (value != nullptr && value->is_object()) {
    if (TRY(fulfils(*filter.condition, *value))) return walk(steps, place + 1, value, false);
    return {};
  }
  if (value != nullptr && value->is_array()) {
    for (const Value& item : value->array()) {
      if (TRY(fulfils(*filter.condition, item))) TRY(walk(steps, place + 1, &item, false));
    }
    return {};
  }
  if (!definite) return {};
  return fail(Code::invalid_input, "Filter: [?] can not be applied to primitives. Current context is: {}",
              value == nullptr ? "null" : to_text(*value));
}

Result<void> Evaluation::apply(const Function& function, const Steps& steps, std::size_t place, const Value* value,
                               bool definite) {
  const Value result = TRY(call(function, value == nullptr ? Value() : *value));
  return walk(steps, place + 1, &result, definite);
}

Result<bool> Evaluation::fulfils(const Condition& condition, const Value& item) {
  if (++visits_ > kVisitsMax)
    return fail(Code::limit_exceeded, "the path meets more than {} values: make it more exact", kVisitsMax);
  switch (condition.kind) {
    case Condition::Kind::all_of:
    case Condition::Kind::any_of: {
      const bool all = condition.kind == Condition::Kind::all_of;
      for (const Condition& part : condition.parts) {
        if (TRY(fulfils(part, item)) != all) return !all;
      }
      return all;
    }
    case Condition::Kind::negation:
      return !TRY(fulfils(condition.parts.front(), item));
    case Condition::Kind::existence:
    case Condition::Kind::comparison:
      break;
  }
  /// What a side of a comparison is; nothing where its path leads nowhere.
  const auto value_of = [&](const Operand& operand) -> Result<std::optional<Value>> {
    if (const auto* constant = std::get_if<Value>(&operand.what)) return *constant;
    const auto* path = std::get_if<Operand::Path>(&operand.what);
    if (path == nullptr) return std::nullopt;
    Evaluation inner(root_);
    inner.visits_ = visits_;
    auto selection = inner.select(path->steps, path->from_root ? root_ : item);
    visits_ = inner.visits_;
    if (!selection) {
      if (selection.error().code() == Code::limit_exceeded) return std::unexpected(selection.error());
      return std::nullopt;
    }
    if (!selection->is_definite) return Value(std::move(selection->found));
    return selection->found.front();
  };
  const std::optional<Value> left = TRY(value_of(condition.operands[0]));
  if (condition.kind == Condition::Kind::existence) return left.has_value();
  const std::optional<Value> right = TRY(value_of(condition.operands[1]));
  if (condition.comparison == Comparison::matches) {
    const auto* pattern = std::get_if<Pattern>(&condition.operands[1].what);
    const std::optional<Value>& input = pattern == nullptr ? right : left;
    if (pattern == nullptr) pattern = std::get_if<Pattern>(&condition.operands[0].what);
    if (input && (input->is_array() || input->is_object() || input->is_null())) return pattern->matches("");
    return pattern->matches(!input ? "" : input->is_string() ? input->string() : to_text(*input));
  }
  return compare(condition.comparison, left ? &*left : nullptr, right ? &*right : nullptr);
}

}  // namespace tillite::json_path
