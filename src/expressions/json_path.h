#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "expressions/value.h"

namespace tillite {

/// A JSONPath in the dialect that Step Functions runs, which is Jayway's: dot and bracket notation, unions, slices,
/// wildcards, descent, filters, functions (docs/formats/jsonpath.md). Parsed once, evaluated often.
///
/// Threads: any; a path is immutable and cheap to copy.
class JsonPath {
 public:
  struct Program;  ///< json_path_program.h

  /// `invalid_input` says at which byte it goes wrong. `text` begins with "$" and is read as a whole.
  [[nodiscard]] static Result<JsonPath> parse(std::string_view text);

  /// Whether it names one place at most: fields and indexes from the front only. ResultPath takes no others.
  [[nodiscard]] bool is_reference() const;
  /// Whether it selects one value (or none) rather than a list.
  [[nodiscard]] bool is_definite() const;
  /// As it was parsed.
  [[nodiscard]] const std::string& text() const;

  /// Whether it is "$" alone.
  [[nodiscard]] bool is_root() const;

  /// What it selects below `root`: one value for a definite path, else an array of all that was found, possibly empty.
  /// Null for an item behind an array's end, as Step Functions has it in templates. Errors, in Jayway's words:
  /// `not_found` if a definite path leads nowhere ("No results for path: $['a']"), `invalid_input` if it asks a value
  /// that is no array for items; `failed` of a function; `limit_exceeded` of a path that meets millions of values.
  [[nodiscard]] Result<Value> select(const Value& root) const;
  /// The same, but nothing for an item behind an array's end: what is asked whether it is present, and the arguments of
  /// functions.
  [[nodiscard]] Result<std::optional<Value>> find(const Value& root) const;

  /// `root` with `value` in the place that a reference path names; objects on the way are made, and the item right
  /// behind an array's end. `invalid_input` named States.ReferencePathConflict if a value on the way is of another
  /// type. Ends the program if this is no reference path.
  [[nodiscard]] Result<Value> put(const Value& root, Value value) const;

 private:
  explicit JsonPath(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

  std::shared_ptr<const Program> program_;
};

}  // namespace tillite
