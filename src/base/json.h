#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// JSON for settings, events, rows and definitions. Object keys are sorted, so equal values have one text.
using Json = nlohmann::json;

/// Parses strict JSON (no comments, UTF-8, at most 512 levels deep). `name` says what is being read in the error.
[[nodiscard]] Result<Json> parse_json(std::string_view text, std::string_view name);

/// The one text of a value: keys sorted, no blanks. Invalid UTF-8 is replaced (it cannot come from parse_json).
[[nodiscard]] std::string to_text(const Json& value);

// A field of an object. Each fails with `invalid_input`, naming the field, if it is absent, null or of another type.
[[nodiscard]] Result<std::string> string_field(const Json& object, std::string_view name);
[[nodiscard]] Result<std::int64_t> int_field(const Json& object, std::string_view name);
[[nodiscard]] Result<double> number_field(const Json& object, std::string_view name);
[[nodiscard]] Result<bool> bool_field(const Json& object, std::string_view name);
[[nodiscard]] Result<Json> array_field(const Json& object, std::string_view name);
[[nodiscard]] Result<Json> object_field(const Json& object, std::string_view name);

// The same for a field that may be absent or null (both mean "not there"); another type is still an error.
[[nodiscard]] Result<std::optional<std::string>> optional_string(const Json& object, std::string_view name);
[[nodiscard]] Result<std::optional<std::int64_t>> optional_int(const Json& object, std::string_view name);
[[nodiscard]] Result<std::optional<double>> optional_number(const Json& object, std::string_view name);
[[nodiscard]] Result<std::optional<bool>> optional_bool(const Json& object, std::string_view name);

/// A pointer to the field if it is there and not null, else nullptr: "null" and "absent" are told apart nowhere else.
[[nodiscard]] const Json* find_field(const Json& object, std::string_view name);

}  // namespace tillite
