#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "expressions/value.h"

namespace tillite::jsonata {

class Datum;
struct List;
class Record;
struct Function;
struct TupleStream;

/// A name in an expression: its place in Program::names.
using Symbol = std::uint32_t;

/// What an expression works with: undefined, a JSON value from outside (shared, never copied), a list or record that
/// the expression has made, a function, or the tuples of a path with bindings. Cheap to copy.
///
/// An array is a Value or a List, an object a Value or a Record; their members are reached in one way.
class Datum {
 public:
  Datum() = default;                                                   // undefined
  Datum(Value value) : data_(std::move(value)) {}                      // NOLINT: what is one is written as one
  Datum(std::shared_ptr<const List> list) : data_(std::move(list)) {}  // NOLINT
  Datum(std::shared_ptr<Record> record) : data_(std::move(record)) {}  // NOLINT
  Datum(std::shared_ptr<const Function> function) : data_(std::move(function)) {}  // NOLINT
  Datum(std::shared_ptr<const TupleStream> tuples) : data_(std::move(tuples)) {}   // NOLINT

  [[nodiscard]] bool is_undefined() const { return data_.index() == 0; }
  [[nodiscard]] bool is_null() const { return value() != nullptr && value()->is_null(); }
  [[nodiscard]] bool is_boolean() const { return value() != nullptr && value()->is_boolean(); }
  [[nodiscard]] bool is_number() const { return value() != nullptr && value()->is_number(); }
  [[nodiscard]] bool is_string() const { return value() != nullptr && value()->is_string(); }
  [[nodiscard]] bool is_array() const { return list() != nullptr || (value() != nullptr && value()->is_array()); }
  [[nodiscard]] bool is_object() const { return record() != nullptr || (value() != nullptr && value()->is_object()); }
  [[nodiscard]] bool is_function() const { return function() != nullptr; }
  /// Whether this is a list that a path or function has gathered: one of a single item stands for the item.
  [[nodiscard]] bool is_sequence() const;

  [[nodiscard]] bool boolean() const { return value()->boolean(); }
  [[nodiscard]] double number() const { return value()->number(); }
  [[nodiscard]] const std::string& string() const { return value()->string(); }

  /// nullptr if this is something else.
  [[nodiscard]] const Value* value() const { return std::get_if<Value>(&data_); }
  [[nodiscard]] const List* list() const;
  [[nodiscard]] Record* record() const;
  [[nodiscard]] const Function* function() const;
  [[nodiscard]] const TupleStream* tuples() const;
  [[nodiscard]] std::shared_ptr<const Function> shared_function() const;

  // Of arrays.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] Datum at(std::size_t index) const;
  [[nodiscard]] std::vector<Datum> items() const;

  // Of objects. Undefined if there is no such field; the fields stand in their order.
  [[nodiscard]] Datum field(std::string_view name) const;
  [[nodiscard]] std::size_t field_count() const;
  [[nodiscard]] std::pair<std::string_view, Datum> field_at(std::size_t index) const;

  /// How many lists, records and functions that an expression has made lie within each other, this one included.
  [[nodiscard]] std::size_t depth() const;

 private:
  std::variant<std::monostate, Value, std::shared_ptr<const List>, std::shared_ptr<Record>,
               std::shared_ptr<const Function>, std::shared_ptr<const TupleStream>>
      data_;
};

/// Counts items among those alive for as long as this lives. A copy counts nothing.
class CountedItems {
 public:
  CountedItems() = default;
  /// `alive` must outlive this.
  CountedItems(std::size_t& alive, std::size_t count) : alive_(&alive), count_(count) { alive += count; }
  CountedItems(const CountedItems& /*other*/) {}
  CountedItems& operator=(CountedItems&& other) noexcept {
    std::swap(alive_, other.alive_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~CountedItems() {
    if (alive_ != nullptr) *alive_ -= count_;
  }

 private:
  std::size_t* alive_ = nullptr;
  std::size_t count_ = 0;
};

/// An array that an expression has made.
struct List {
  explicit List(std::vector<Datum> content, bool is_sequence = false);

  std::vector<Datum> items;
  bool sequence = false;        ///< gathered: stands for its item if it has one only, for nothing if it has none
  bool keep_singleton = false;  ///< a sequence that stays an array: `a.b[]`
  bool constructed = false;     ///< made by `[...]` as a step of a path, which does not flatten it
  bool wraps_input = false;     ///< around an input that is an array
  std::size_t depth = 1;
  CountedItems counted;
};

/// An object that an expression has made. Changed after it was shared by transformations only, which own a copy.
class Record {
 public:
  struct Field {
    std::string name;
    Datum value;
  };

  [[nodiscard]] const Datum* find(std::string_view name) const;
  void set(std::string_view name, Datum value);
  void erase(std::string_view name);
  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
  [[nodiscard]] std::size_t depth() const { return depth_; }
  void set_depth(std::size_t depth) { depth_ = depth; }

 private:
  [[nodiscard]] std::size_t place_of(std::string_view name) const;

  std::vector<Field> fields_;
  std::unordered_map<std::string, std::size_t> places_;  ///< of records with many fields only
  std::size_t depth_ = 1;
};

/// An item on its way along a path, with what was bound on the way: `@$v`, `#$i`, and the parents that `%` asks for.
struct Tuple {
  Datum item;
  std::vector<std::pair<Symbol, Datum>> bindings;

  void bind(Symbol name, Datum value);
};

struct TupleStream {
  std::vector<Tuple> tuples;
};

// What expressions make.
[[nodiscard]] Datum make_array(std::vector<Datum> items);
[[nodiscard]] Datum make_sequence(std::vector<Datum> items);

/// Equal by content (`=`); functions are equal to themselves only. Each value looked at takes from `steps_left`; if
/// nothing is left of it afterwards, the answer means nothing.
[[nodiscard]] bool deep_equal(const Datum& left, const Datum& right, std::size_t& steps_left);
/// The same for what is equal, whatever the order of fields. Takes from `steps_left` as deep_equal() does.
[[nodiscard]] std::size_t content_hash(const Datum& datum, std::size_t& steps_left);
/// The same (`in`): equal if they are no containers, else one and the same.
[[nodiscard]] bool identical(const Datum& left, const Datum& right);

}  // namespace tillite::jsonata
