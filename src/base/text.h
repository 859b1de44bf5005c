#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tillite {

/// Whether `text` is well-formed UTF-8 (no surrogates, no overlong forms).
[[nodiscard]] bool is_utf8(std::string_view text);
/// Without blanks (Unicode White_Space) at both ends. Needs valid UTF-8.
[[nodiscard]] std::string_view trim(std::string_view text);
/// The parts between blanks (Unicode White_Space), none empty; views into `text`. Needs valid UTF-8.
[[nodiscard]] std::vector<std::string_view> split_at_blanks(std::string_view text);
/// Code points of a valid UTF-8 text.
[[nodiscard]] std::u32string code_points(std::string_view text);
/// NFKC, then lower case, by Unicode's rules.
[[nodiscard]] std::string fold(std::string_view text);
/// The first letter of each word in upper case, the others in lower case, by Unicode's rules.
[[nodiscard]] std::string title_case(std::string_view text);

}  // namespace tillite
