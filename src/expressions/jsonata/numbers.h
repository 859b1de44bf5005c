#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "expressions/value.h"

namespace tillite::jsonata {

/// The number as JavaScript prints it: the shortest digits that mean it, 1e21 and 1e-7 on with an exponent; also
/// "Infinity" and "NaN".
[[nodiscard]] std::string number_text(double number);

/// In another base (2 to 36), as JavaScript prints it, for whole numbers.
[[nodiscard]] std::string number_text(double number, int base);

/// With `digits` decimals, rounded as JavaScript's toFixed: exact halves up.
[[nodiscard]] std::string fixed_text(double number, int digits);

/// With 15 significant digits: what JSONata's texts show of a number.
[[nodiscard]] double with_15_digits(double number);

/// The number times ten to the `exponent`, without an error of its own.
[[nodiscard]] double shifted(double number, int exponent);

/// To the nearest number with `precision` decimals (may be negative), halves to the even one.
[[nodiscard]] double rounded(double number, int precision = 0);

/// As $number reads a text: a JSON number (leading zeros allowed), or whole digits behind 0x, 0o, 0b. Nothing if it is
/// neither.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);

/// Whether JavaScript would print it without a fraction.
[[nodiscard]] bool is_whole(double number);

/// As a value: an integer if it is whole and each integer of its size has a number of its own.
[[nodiscard]] Value whole_or_real(double number);

}  // namespace tillite::jsonata
