#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tillite {

/// The front of a text, cut between characters.
[[nodiscard]] std::string_view cut_text(std::string_view text, std::size_t bytes_max);

/// A text of a service's as it may be shown and logged: at most so many bytes, without control characters, valid UTF-8.
[[nodiscard]] std::string shown_text(std::string text, std::size_t bytes_max);

}  // namespace tillite
