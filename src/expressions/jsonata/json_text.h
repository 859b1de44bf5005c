#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "expressions/jsonata/datum.h"

namespace tillite::jsonata {

/// The text in quotes, as JSON has it.
[[nodiscard]] std::string quoted_text(std::string_view text);

/// As error messages show a value: its JSON, numbers as JavaScript prints them; cut where it is long.
[[nodiscard]] std::string json_text(const Datum& datum);

/// How $string writes JSON.
struct JsonStyle {
  bool indented = false;      ///< by two blanks a level
  std::size_t bytes_max = 0;  ///< where to stop; what is longer than this is not whole
  bool as_written = false;    ///< numbers with all their digits, instead of 15
};

/// $string's JSON of a value: numbers with at most 15 significant digits, functions as empty texts. Longer than
/// `bytes_max` if it would not fit.
[[nodiscard]] std::string stringified(const Datum& datum, const JsonStyle& style);

}  // namespace tillite::jsonata
