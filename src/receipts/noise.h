#pragma once

#include <string_view>

namespace tillite {

/// Whether a text is noise that is never embedded: blank, a lone punctuation mark, a separator, or nothing with a
/// letter, a digit or a currency sign in it ('@' and '#' are not noise). Needs valid UTF-8.
[[nodiscard]] bool is_noise(std::string_view text);

}  // namespace tillite
