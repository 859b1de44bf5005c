#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tillite::jsonata {

// Texts are UTF-8. JSONata speaks of characters as code points, and where it shows its JavaScript, of UTF-16 units.
// A surrogate that is half of nothing, which only an escape sequence can make, is three bytes as any other unit.

/// The bytes of the code point at `position`: 1 for what is no UTF-8.
[[nodiscard]] std::size_t code_point_size(std::string_view text, std::size_t position);
/// The code point at `position`; a byte that is no UTF-8 stands for itself.
[[nodiscard]] char32_t code_point_at(std::string_view text, std::size_t position);
[[nodiscard]] std::size_t code_point_count(std::string_view text);
/// Where each code point begins, and the end of the text.
[[nodiscard]] std::vector<std::size_t> code_point_starts(std::string_view text);
/// UTF-16 units.
[[nodiscard]] std::size_t unit_count(std::string_view text);

void append_code_point(std::string& text, char32_t code_point);
/// Appends a UTF-16 unit; the second half of a surrogate pair joins the first.
void append_unit(std::string& text, std::uint32_t unit);

/// Less than zero, zero or greater: in the order of UTF-16 units.
[[nodiscard]] int compare_texts(std::string_view left, std::string_view right);

/// By Unicode's rules, code point by code point ("ß" becomes "SS").
[[nodiscard]] std::string upper_case(std::string_view text);
[[nodiscard]] std::string lower_case(std::string_view text);

/// With U+FFFD for what is no UTF-8.
[[nodiscard]] std::string with_valid_utf8(std::string text);
/// With something else of the same size for what is no UTF-8: U+FFFD for three bytes, else question marks.
[[nodiscard]] std::string with_valid_utf8_in_place(std::string text);

}  // namespace tillite::jsonata
