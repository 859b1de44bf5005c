#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace tillite {

/// A JSON array of numbers that was read.
struct NumberList {
  std::size_t numbers = 0;     ///< in the array, also if there was no place for all
  std::size_t characters = 0;  ///< of the array's text, brackets included
};

/// Reads the array that `text` begins with into the front of `places`. Each number is the double nearest to its text,
/// rounded to float. Nothing for what is not plain: no array, a number that JSON or a double does not have, an integer
/// of more than 18 digits, another value among the numbers. Then a JSON parser has to say what it is.
[[nodiscard]] std::optional<NumberList> read_number_list(std::string_view text, std::span<float> places);

}  // namespace tillite
