#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "expressions/value.h"
#include "ports/clock.h"

namespace tillite {

/// The functions of Amazon States Language in JSONPath's states.
enum class IntrinsicFunction : std::uint8_t {
  format,
  string_to_json,
  json_to_string,
  array,
  array_partition,
  array_contains,
  array_range,
  array_get_item,
  array_length,
  array_unique,
  base64_encode,
  base64_decode,
  hash,
  json_merge,
  math_random,
  math_add,
  string_split,
  uuid,
};

/// The function of a whole name such as "States.Format".
[[nodiscard]] std::optional<IntrinsicFunction> intrinsic_function(std::string_view name);
/// "States.Format".
[[nodiscard]] std::string_view name_of(IntrinsicFunction function);

/// Calls it as Step Functions does, which is looser than its documentation in places (docs/formats/jsonpath.md). Fails
/// with `failed` named States.Runtime where an argument is not of the kind, range or size that it takes: "Invalid
/// arguments in States.MathAdd".
[[nodiscard]] Result<Value> call(IntrinsicFunction function, std::span<const Value> arguments, Random& random);

}  // namespace tillite
