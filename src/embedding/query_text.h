#pragma once

#include <string_view>

#include "base/result.h"

namespace tillite {

/// Whether a text can be looked for: UTF-8, not empty, no longer than a text of a receipt. `invalid_input` if not.
[[nodiscard]] Result<void> check_query_text(std::string_view text);

}  // namespace tillite
