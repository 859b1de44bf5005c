#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tillite {

/// RFC 3986: all but letters, digits and "-_.~" as "%2F"; a '/' stays if `keep_slash`.
[[nodiscard]] std::string percent_encode(std::string_view text, bool keep_slash = false);
/// The reverse; nothing if a '%' is not followed by two hexadecimal digits. A form's '+' is a blank with `is_form`.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool is_form = false);

/// The names and values of "a=1&b=2" as they stand there, still encoded; a name without '=' has an empty value.
[[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>> split_query(std::string_view text);

}  // namespace tillite
