#pragma once

#include <cstddef>
#include <string_view>

namespace tillite {

/// How many tokens a text has to OpenAI's models of embeddings.
[[nodiscard]] std::size_t count_tokens(std::string_view text);

}  // namespace tillite
