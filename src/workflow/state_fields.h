#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tillite {

enum class StateType : std::uint8_t { task, wait, pass, succeed, fail, choice, parallel, map };
/// "Task"; nothing for a name that is no type.
[[nodiscard]] std::optional<StateType> state_type(std::string_view name);

/// What a field of a state holds.
enum class FieldKind : std::uint8_t {
  text,
  boolean,
  integer,          ///< whole numbers from min to max, or an expression in JSONata
  number,           ///< the same with fractions
  path,             ///< a JSONPath or null
  reference_path,   ///< a reference path into the input or null
  value_path,       ///< a reference path that is read: into the input, the context object or a variable
  path_or_call,     ///< a JSONPath or an intrinsic function
  text_or_jsonata,  ///< a text, in JSONata also an expression
  timestamp,
  payload,  ///< a payload template
  jsonata,  ///< any value with expressions in it
  either,   ///< payload or jsonata, as the state's language is
  assign,
  anything,
  // What has a shape of its own.
  resource,
  credentials,
  retry,
  catchers,
  choices,
  branches,
  processor,
  item_reader,
  item_batcher,
  result_writer,
  items,
  label,
};

/// A field of states: who may have it, in which query language, and what it holds.
struct StateField {
  std::string_view name;
  std::uint8_t types;  ///< one bit for each StateType
  FieldKind kind;
  enum class Language : std::uint8_t { any, json_path, jsonata } language = Language::any;
  std::int64_t min = 0;
  std::int64_t max = 0;
};

/// The field of that name; nullptr if no state has one. Every state may have Type, Comment and QueryLanguage.
[[nodiscard]] const StateField* state_field(std::string_view name);
[[nodiscard]] bool has_field(StateType type, const StateField& field);

}  // namespace tillite
