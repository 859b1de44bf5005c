#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/json.h"

namespace tillite {

/// A JSON value as it flows through a state machine. Immutable and shared: a copy costs a reference count, however
/// large the value is. The fields of an object keep their order, as AWS keeps it; whole numbers and others are told
/// apart (1 and 1.0 are equal and have different texts).
///
/// Threads: values may be read and copied from any.
class Value {
 public:
  enum class Type : std::uint8_t { null, boolean, integer, real, string, array, object };
  using Array = std::vector<Value>;
  class Object;

  Value() = default;
  Value(std::nullptr_t) {}                                    // NOLINT: values are written as in JSON
  Value(std::same_as<bool> auto boolean) : data_(boolean) {}  // NOLINT
  Value(std::integral auto integer)
    requires(!std::same_as<decltype(integer), bool>)  // NOLINT
      : data_(static_cast<std::int64_t>(integer)) {}
  Value(double real) : data_(real) {}                         // NOLINT
  Value(std::string text);                                    // NOLINT
  Value(std::string_view text) : Value(std::string(text)) {}  // NOLINT
  Value(const char* text) : Value(std::string(text)) {}       // NOLINT
  Value(Array items);                                         // NOLINT
  Value(Object fields);                                       // NOLINT

  [[nodiscard]] Type type() const { return static_cast<Type>(data_.index()); }
  [[nodiscard]] bool is_null() const { return type() == Type::null; }
  [[nodiscard]] bool is_boolean() const { return type() == Type::boolean; }
  [[nodiscard]] bool is_integer() const { return type() == Type::integer; }
  [[nodiscard]] bool is_number() const { return type() == Type::integer || type() == Type::real; }
  [[nodiscard]] bool is_string() const { return type() == Type::string; }
  [[nodiscard]] bool is_array() const { return type() == Type::array; }
  [[nodiscard]] bool is_object() const { return type() == Type::object; }

  // What is inside. Asking for another type than the value has is a mistake of the caller's, and ends the program.
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::int64_t integer() const;
  [[nodiscard]] double number() const;  ///< of an integer, too
  [[nodiscard]] const std::string& string() const;
  [[nodiscard]] const Array& array() const;
  [[nodiscard]] const Object& object() const;

  /// The field of an object; nullptr if it has none of that name, or if this is no object.
  [[nodiscard]] const Value* find(std::string_view field) const;

  /// Equal as JSON: numbers by value, objects whatever the order of their fields.
  friend bool operator==(const Value& left, const Value& right);

 private:
  template <typename T>
  using Shared = std::shared_ptr<const T>;
  std::variant<std::nullptr_t, bool, std::int64_t, double, Shared<std::string>, Shared<Array>, Shared<Object>> data_;
};

/// Fields in the order in which they were first set.
class Value::Object {
 public:
  struct Field {
    std::string name;
    Value value;
  };

  Object() = default;
  Object(std::initializer_list<Field> fields);

  /// nullptr if there is none of that name.
  [[nodiscard]] const Value* find(std::string_view name) const;
  /// Sets a field where it stands, or appends it.
  void set(std::string_view name, Value value);
  /// Whether there was such a field.
  bool erase(std::string_view name);

  [[nodiscard]] auto begin() const { return fields_.begin(); }
  [[nodiscard]] auto end() const { return fields_.end(); }
  [[nodiscard]] std::size_t size() const { return fields_.size(); }
  [[nodiscard]] bool empty() const { return fields_.empty(); }

 private:
  [[nodiscard]] std::size_t place_of(std::string_view name) const;
  void index_from(std::size_t first);

  std::vector<Field> fields_;
  std::unordered_map<std::string, std::size_t> places_;  ///< of objects with many fields only
};

/// Parses strict JSON (UTF-8, at most 512 levels deep; of fields with one name the last counts). `name` says what is
/// being read in the error, `invalid_input`.
[[nodiscard]] Result<Value> parse_value(std::string_view text, std::string_view name);

/// The value's JSON without blanks, fields in their order. Invalid UTF-8 is replaced.
[[nodiscard]] std::string to_text(const Value& value);
/// The same, behind what `text` holds.
void append_text(std::string& text, const Value& value);

// Between the rooms that work with Json and state machines.
[[nodiscard]] Json to_json(const Value& value);
[[nodiscard]] Value to_value(const Json& json);

}  // namespace tillite
