#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/result.h"
#include "expressions/jsonata/datum.h"

namespace tillite::jsonata {

/// The signs of a number's picture and of what it makes.
struct NumberSymbols {
  std::u32string decimal_separator = U".";
  std::u32string grouping_separator = U",";
  std::u32string exponent_separator = U"e";
  std::u32string minus_sign = U"-";
  std::u32string percent = U"%";
  std::u32string per_mille = U"\u2030";
  std::u32string digit = U"#";
  std::u32string pattern_separator = U";";
  char32_t zero_digit = U'0';
};

/// Those that `options` name ("decimal-separator": ","), else the usual ones.
[[nodiscard]] Result<NumberSymbols> number_symbols(const Datum& options);

/// The number by a picture of XPath's fn:format-number: "#,##0.00". Errors: D3080 to D3093.
/// https://www.w3.org/TR/xpath-functions-31/#formatting-numbers
[[nodiscard]] Result<std::string> formatted_number(double number, std::string_view picture,
                                                   const NumberSymbols& symbols);

}  // namespace tillite::jsonata
