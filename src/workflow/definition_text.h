#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tillite {

/// Why a text is no JSON, in the words of Jackson, which AWS hands on.
struct JsonTextError {
  std::string
      message;  ///< "Unrecognized token 'not': was expecting (...)\n at [Source: (String)"not a definition"; ...]"
  std::string location;  ///< "[Source: (String)"not a definition"; line: 1, column: 4]"
};

/// The first error in a JSON text; nothing if it is JSON, at most 512 levels deep.
[[nodiscard]] std::optional<JsonTextError> json_text_error(std::string_view text);

}  // namespace tillite
