#include "expressions/value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/check.h"

namespace tillite {
namespace {

constexpr std::size_t kIndexedFrom = 16;  // fields: fewer are found sooner by looking at each
constexpr std::size_t kDepthMax = 512;

/// Builds a Value from the parser's events.
class Builder : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(std::int64_t value) override { return add(value); }
  bool number_unsigned(std::uint64_t value) override {
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return add(static_cast<std::int64_t>(value));
    return add(static_cast<double>(value));
  }
  bool number_float(double value, const std::string& /*text*/) override {
    if (!std::isfinite(value)) return refuse("a number is out of range");
    return add(value);
  }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(Json::binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override { return open(Value::Object()); }
  bool key(std::string& name) override {
    open_.back().name = std::move(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*size*/) override { return open(Value::Array()); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string& /*token*/, const Json::exception& error) override {
    return refuse(fmt::format("byte {}: {}", position, error.what()));
  }

  [[nodiscard]] Value take() { return std::move(root_); }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  struct Open {
    std::variant<Value::Array, Value::Object> container;
    std::string name;  ///< of the field that comes next
  };

  bool refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool open(std::variant<Value::Array, Value::Object> container) {
    if (open_.size() == kDepthMax) return refuse(fmt::format("it is more than {} levels deep", kDepthMax));
    open_.push_back({std::move(container), {}});
    return true;
  }

  bool close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    return std::visit([&](auto& container) { return add(Value(std::move(container))); }, done.container);
  }

  bool add(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (auto* array = std::get_if<Value::Array>(&open_.back().container)) {
      array->push_back(std::move(value));
    } else {
      std::get<Value::Object>(open_.back().container).set(open_.back().name, std::move(value));
    }
    return true;
  }

  Value root_;
  std::vector<Open> open_;
  std::string problem_;
};

void append_quoted(std::string& text, const std::string& content) {
  const bool plain = std::ranges::all_of(
      content, [](char c) { return c >= 0x20 && c != '"' && c != '\\' && static_cast<unsigned char>(c) < 0x80; });
  if (plain) {
    text.append(1, '"').append(content).append(1, '"');
  } else {
    text += Json(content).dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

void append_real(std::string& text, double real) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), real).ptr;
  const std::string_view shortest(digits.data(), static_cast<std::size_t>(end - digits.data()));
  text += shortest;
  if (shortest.find_first_of(".en") == std::string_view::npos) text += ".0";
}

}  // namespace

void append_text(std::string& text, const Value& value) {
  switch (value.type()) {
    case Value::Type::null:
      text += "null";
      break;
    case Value::Type::boolean:
      text += value.boolean() ? "true" : "false";
      break;
    case Value::Type::integer:
      fmt::format_to(std::back_inserter(text), "{}", value.integer());
      break;
    case Value::Type::real:
      append_real(text, value.number());
      break;
    case Value::Type::string:
      append_quoted(text, value.string());
      break;
    case Value::Type::array: {
      char before = '[';
      for (const Value& item : value.array()) {
        text += std::exchange(before, ',');
        append_text(text, item);
      }
      text += value.array().empty() ? "[]" : "]";
      break;
    }
    case Value::Type::object: {
      char before = '{';
      for (const auto& [name, field] : value.object()) {
        text += std::exchange(before, ',');
        append_quoted(text, name);
        text += ':';
        append_text(text, field);
      }
      text += value.object().empty() ? "{}" : "}";
      break;
    }
  }
}

Value::Value(std::string text) : data_(std::make_shared<const std::string>(std::move(text))) {}
Value::Value(Array items) : data_(std::make_shared<const Array>(std::move(items))) {}
Value::Value(Object fields) : data_(std::make_shared<const Object>(std::move(fields))) {}

bool Value::boolean() const {
  check(is_boolean(), "the value is a boolean");
  return std::get<bool>(data_);
}

std::int64_t Value::integer() const {
  check(is_integer(), "the value is a whole number");
  return std::get<std::int64_t>(data_);
}

double Value::number() const {
  check(is_number(), "the value is a number");
  return is_integer() ? static_cast<double>(std::get<std::int64_t>(data_)) : std::get<double>(data_);
}

const std::string& Value::string() const {
  check(is_string(), "the value is a text");
  return *std::get<Shared<std::string>>(data_);
}

const Value::Array& Value::array() const {
  check(is_array(), "the value is an array");
  return *std::get<Shared<Array>>(data_);
}

const Value::Object& Value::object() const {
  check(is_object(), "the value is an object");
  return *std::get<Shared<Object>>(data_);
}

const Value* Value::find(std::string_view field) const { return is_object() ? object().find(field) : nullptr; }

bool operator==(const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) {
    return left.is_integer() && right.is_integer() ? left.integer() == right.integer()
                                                   : left.number() == right.number();
  }
  if (left.type() != right.type()) return false;
  switch (left.type()) {
    case Value::Type::null:
    case Value::Type::integer:
    case Value::Type::real:
      return true;
    case Value::Type::boolean:
      return left.boolean() == right.boolean();
    case Value::Type::string:
      return left.string() == right.string();
    case Value::Type::array:
      return left.array() == right.array();
    case Value::Type::object:
      return left.object().size() == right.object().size() &&
             std::ranges::all_of(left.object(), [&](const Value::Object::Field& field) {
               const Value* other = right.object().find(field.name);
               return other != nullptr && *other == field.value;
             });
  }
  return false;
}

Value::Object::Object(std::initializer_list<Field> fields) {
  fields_.reserve(fields.size());
  for (const Field& field : fields) set(field.name, field.value);
}

std::size_t Value::Object::place_of(std::string_view name) const {
  if (fields_.size() <= kIndexedFrom) {
    return static_cast<std::size_t>(std::ranges::find(fields_, name, &Field::name) - fields_.begin());
  }
  const auto place = places_.find(std::string(name));
  return place == places_.end() ? fields_.size() : place->second;
}

void Value::Object::index_from(std::size_t first) {
  for (std::size_t i = first; i < fields_.size(); ++i) places_[fields_[i].name] = i;
}

const Value* Value::Object::find(std::string_view name) const {
  const std::size_t place = place_of(name);
  return place == fields_.size() ? nullptr : &fields_[place].value;
}

void Value::Object::set(std::string_view name, Value value) {
  const std::size_t place = place_of(name);
  if (place < fields_.size()) {
    fields_[place].value = std::move(value);
    return;
  }
  fields_.push_back({std::string(name), std::move(value)});
  if (fields_.size() > kIndexedFrom) index_from(places_.empty() ? 0 : place);
}

bool Value::Object::erase(std::string_view name) {
  const std::size_t place = place_of(name);
  if (place == fields_.size()) return false;
  fields_.erase(fields_.begin() + static_cast<std::ptrdiff_t>(place));
  places_.clear();
  if (fields_.size() > kIndexedFrom) index_from(0);
  return true;
}

Result<Value> parse_value(std::string_view text, std::string_view name) {
  Builder builder;
  if (!Json::sax_parse(text, &builder))
    return fail(Code::invalid_input, "{} is not valid JSON: {}", name, builder.problem());
  return builder.take();
}

std::string to_text(const Value& value) {
  std::string text;
  append_text(text, value);
  return text;
}

Json to_json(const Value& value) {
  switch (value.type()) {
    case Value::Type::null:
      return nullptr;
    case Value::Type::boolean:
      return value.boolean();
    case Value::Type::integer:
      return value.integer();
    case Value::Type::real:
      return value.number();
    case Value::Type::string:
      return value.string();
    case Value::Type::array: {
      Json json = Json::array();
      for (const Value& item : value.array()) json.push_back(to_json(item));
      return json;
    }
    case Value::Type::object: {
      Json json = Json::object();
      for (const auto& [name, field] : value.object()) json[name] = to_json(field);
      return json;
    }
  }
  return nullptr;
}

Value to_value(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return json.get<std::int64_t>();
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return json.get<std::string>();
    case Json::value_t::array: {
      Value::Array items;
      items.reserve(json.size());
      for (const Json& item : json) items.push_back(to_value(item));
      return items;
    }
    case Json::value_t::object: {
      Value::Object fields;
      for (const auto& [name, field] : json.items()) fields.set(name, to_value(field));
      return fields;
    }
    default:
      return nullptr;
  }
}

}  // namespace tillite
