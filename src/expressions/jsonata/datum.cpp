#include "expressions/jsonata/datum.h"

#include <algorithm>

#include "base/check.h"
#include "expressions/jsonata/function.h"

namespace tillite::jsonata {
namespace {

constexpr std::size_t kIndexedFrom = 16;  // fields: fewer are found sooner by looking at each

}  // namespace

bool Datum::is_sequence() const { return list() != nullptr && list()->sequence; }

const List* Datum::list() const {
  const auto* const pointer = std::get_if<std::shared_ptr<const List>>(&data_);
  return pointer == nullptr ? nullptr : pointer->get();
}

Record* Datum::record() const {
  const auto* const pointer = std::get_if<std::shared_ptr<Record>>(&data_);
  return pointer == nullptr ? nullptr : pointer->get();
}

const Function* Datum::function() const {
  const auto* const pointer = std::get_if<std::shared_ptr<const Function>>(&data_);
  return pointer == nullptr ? nullptr : pointer->get();
}

const TupleStream* Datum::tuples() const {
  const auto* const pointer = std::get_if<std::shared_ptr<const TupleStream>>(&data_);
  return pointer == nullptr ? nullptr : pointer->get();
}

std::shared_ptr<const Function> Datum::shared_function() const {
  return std::get<std::shared_ptr<const Function>>(data_);
}

std::size_t Datum::size() const { return list() != nullptr ? list()->items.size() : value()->array().size(); }

Datum Datum::at(std::size_t index) const {
  return list() != nullptr ? list()->items[index] : Datum(value()->array()[index]);
}

std::vector<Datum> Datum::items() const {
  if (list() != nullptr) return list()->items;
  return {value()->array().begin(), value()->array().end()};
}

Datum Datum::field(std::string_view name) const {
  if (record() != nullptr) {
    const Datum* const found = record()->find(name);
    return found == nullptr ? Datum() : *found;
  }
  const Value* const found = value()->find(name);
  return found == nullptr ? Datum() : Datum(*found);
}

std::size_t Datum::field_count() const {
  return record() != nullptr ? record()->fields().size() : value()->object().size();
}

std::pair<std::string_view, Datum> Datum::field_at(std::size_t index) const {
  if (record() != nullptr) {
    const Record::Field& field = record()->fields()[index];
    return {field.name, field.value};
  }
  const Value::Object::Field& field = *(value()->object().begin() + static_cast<std::ptrdiff_t>(index));
  return {field.name, field.value};
}

std::size_t Datum::depth() const {
  if (list() != nullptr) return list()->depth;
  if (record() != nullptr) return record()->depth();
  if (function() != nullptr) return function()->depth;
  return 0;
}

List::List(std::vector<Datum> content, bool is_sequence) : items(std::move(content)), sequence(is_sequence) {
  for (const Datum& item : items) depth = std::max(depth, item.depth() + 1);
}

std::size_t Record::place_of(std::string_view name) const {
  if (fields_.size() <= kIndexedFrom)
    return static_cast<std::size_t>(std::ranges::find(fields_, name, &Field::name) - fields_.begin());
  const auto place = places_.find(std::string(name));
  return place == places_.end() ? fields_.size() : place->second;
}

const Datum* Record::find(std::string_view name) const {
  const std::size_t place = place_of(name);
  return place == fields_.size() ? nullptr : &fields_[place].value;
}

void Record::set(std::string_view name, Datum value) {
  depth_ = std::max(depth_, value.depth() + 1);
  const std::size_t place = place_of(name);
  if (place < fields_.size()) {
    fields_[place].value = std::move(value);
    return;
  }
  fields_.push_back({std::string(name), std::move(value)});
  if (fields_.size() <= kIndexedFrom) return;
  for (std::size_t i = places_.size(); i < fields_.size(); ++i) places_[fields_[i].name] = i;
}

void Record::erase(std::string_view name) {
  const std::size_t place = place_of(name);
  if (place == fields_.size()) return;
  fields_.erase(fields_.begin() + static_cast<std::ptrdiff_t>(place));
  places_.clear();
  if (fields_.size() <= kIndexedFrom) return;
  for (std::size_t i = 0; i < fields_.size(); ++i) places_[fields_[i].name] = i;
}

void Tuple::bind(Symbol name, Datum value) {
  const auto bound = std::ranges::find(bindings, name, &std::pair<Symbol, Datum>::first);
  if (bound == bindings.end()) {
    bindings.emplace_back(name, std::move(value));
  } else {
    bound->second = std::move(value);
  }
}

Datum make_array(std::vector<Datum> items) { return std::make_shared<const List>(std::move(items)); }
Datum make_sequence(std::vector<Datum> items) { return std::make_shared<const List>(std::move(items), true); }

namespace {

bool equal_values(const Value& left, const Value& right, std::size_t& steps_left) {
  if (left.is_string() && right.is_string()) {
    const std::size_t steps = 1 + left.string().size() / 16;
    steps_left -= std::min(steps_left, steps);
    return steps_left > 0 && left.string() == right.string();
  }
  if (steps_left <= 1) {
    steps_left = 0;
    return false;
  }
  --steps_left;
  if (left.is_array() && right.is_array()) {
    return left.array().size() == right.array().size() &&
           std::ranges::equal(left.array(), right.array(), [&](const Value& one, const Value& other) {
             return equal_values(one, other, steps_left);
           });
  }
  if (left.is_object() && right.is_object()) {
    return left.object().size() == right.object().size() &&
           std::ranges::all_of(left.object(), [&](const Value::Object::Field& field) {
             const Value* const other = right.object().find(field.name);
             return other != nullptr && equal_values(field.value, *other, steps_left);
           });
  }
  return left.type() == right.type() || (left.is_number() && right.is_number()) ? left == right : false;
}

}  // namespace

bool deep_equal(const Datum& left, const Datum& right, std::size_t& steps_left) {
  if (left.value() != nullptr && right.value() != nullptr)
    return equal_values(*left.value(), *right.value(), steps_left);
  if (steps_left <= 1) {
    steps_left = 0;
    return false;
  }
  --steps_left;
  if (left.is_array() && right.is_array()) {
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i < left.size(); ++i)
      if (!deep_equal(left.at(i), right.at(i), steps_left)) return false;
    return true;
  }
  if (left.is_object() && right.is_object()) {
    if (left.field_count() != right.field_count()) return false;
    for (std::size_t i = 0; i < left.field_count(); ++i) {
      const auto [name, value] = left.field_at(i);
      if (!deep_equal(value, right.field(name), steps_left)) return false;
    }
    return true;
  }
  if (left.is_undefined() && right.is_undefined()) return true;
  return left.is_function() && left.function() == right.function();
}

std::size_t content_hash(const Datum& datum, std::size_t& steps_left) {
  if (steps_left <= 1) {
    steps_left = 0;
    return 0;
  }
  --steps_left;
  const auto mixed = [](std::size_t one, std::size_t other) {
    return (one ^ (other + 0x9e3779b97f4a7c15U + (one << 6) + (one >> 2))) * 0x100000001b3U;
  };
  if (datum.is_string()) {
    steps_left -= std::min(steps_left, datum.string().size() / 16);
    return std::hash<std::string>()(datum.string());
  }
  if (datum.is_number()) return mixed(1, std::hash<double>()(datum.number()));
  if (datum.is_boolean()) return datum.boolean() ? 2 : 3;
  if (datum.is_array()) {
    std::size_t hash = 4;
    for (std::size_t i = 0; i < datum.size(); ++i) hash = mixed(hash, content_hash(datum.at(i), steps_left));
    return hash;
  }
  if (!datum.is_object()) return 5;
  std::size_t hash = 6;
  for (std::size_t i = 0; i < datum.field_count(); ++i) {
    const auto [name, value] = datum.field_at(i);
    hash += mixed(std::hash<std::string_view>()(name), content_hash(value, steps_left));
  }
  return hash;
}

bool identical(const Datum& left, const Datum& right) {
  if (left.is_array() || left.is_object()) {
    if (left.list() != nullptr || right.list() != nullptr) return left.list() == right.list();
    if (left.record() != nullptr || right.record() != nullptr) return left.record() == right.record();
    if (left.is_array()) return right.is_array() && &left.value()->array() == &right.value()->array();
    return right.is_object() && &left.value()->object() == &right.value()->object();
  }
  if (left.value() != nullptr && right.value() != nullptr)
    return !right.is_array() && !right.is_object() && *left.value() == *right.value();
  return left.is_function() && left.function() == right.function();
}

}  // namespace tillite::jsonata
