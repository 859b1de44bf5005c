#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "expressions/json_path.h"
#include "expressions/pattern.h"

namespace tillite {

// What a JSONPath is after parsing: its steps, and the conditions of its filters. Inside of the room only.

namespace json_path {

struct Condition;

/// ".a", "['a']", "['a','b']".
struct Fields {
  std::vector<std::string> names;
};
/// "[0]", "[-1]", "[0,2]".
struct Indexes {
  std::vector<std::int64_t> numbers;
};
/// "[1:]", "[:2]", "[1:2]". A third part is read and has no meaning, as in Jayway's library.
struct Slice {
  std::optional<std::int64_t> from;
  std::optional<std::int64_t> to;
};
/// ".*", "[*]".
struct Wildcard {};
/// "..": the next step, applied here and to everything below.
struct Descend {};
/// "[?(...)]".
struct Filter {
  std::shared_ptr<const Condition> condition;
};
/// ".length()" at the end of a path, with constants as arguments.
struct Function {
  enum class Kind : std::uint8_t {
    length,
    size,
    keys,
    minimum,
    maximum,
    average,
    deviation,
    sum,
    concat,
    append,
    first,
    last
  };
  Kind kind;
  std::vector<Value> arguments;
};
using Step = std::variant<Fields, Indexes, Slice, Wildcard, Descend, Filter, Function>;

/// What a condition compares: a constant, a pattern, or what a path finds.
struct Operand {
  struct Path {
    std::vector<Step> steps;
    bool from_root = false;  ///< "$", else "@"
  };
  std::variant<Value, Pattern, Path> what;
};

enum class Comparison : std::uint8_t {
  equal,
  not_equal,
  same_type_equal,
  same_type_not_equal,
  less,
  less_or_equal,
  greater,
  greater_or_equal,
  matches,
  in,
  not_in,
  contains,
  all,
  size,
  empty,
  subset_of,
  any_of,
  none_of,
};

struct Condition {
  enum class Kind : std::uint8_t { all_of, any_of, negation, comparison, existence };
  Kind kind = Kind::existence;
  std::vector<Condition> parts = {};  ///< of all_of, any_of; the one of negation
  Comparison comparison = Comparison::equal;
  std::vector<Operand> operands = {};  ///< two of a comparison, the path of an existence
};

/// "length".
[[nodiscard]] std::string_view name_of(Function::Kind kind);
/// Whether a step finds one value at most.
[[nodiscard]] bool is_definite(const Step& step, bool last);
/// The step as Jayway's messages write it: "['a']", "[0]", "[*]".
[[nodiscard]] std::string text_of(const Step& step);
/// "$['a'][0]" of the first steps of a path.
[[nodiscard]] std::string text_of(const std::vector<Step>& steps, std::size_t count);

/// Parses what follows "$" or "@". `position` is where that is in the whole path, for messages.
[[nodiscard]] Result<std::vector<Step>> parse_steps(std::string_view text, std::size_t position);

}  // namespace json_path

struct JsonPath::Program {
  std::string text;
  std::vector<json_path::Step> steps;
  bool is_definite = true;
  bool is_reference = true;  ///< single fields and indexes from the front only
};

}  // namespace tillite
