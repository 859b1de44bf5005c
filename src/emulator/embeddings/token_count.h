#pragma once

#include <cstdint>
#include <string_view>

#include "base/json.h"

namespace tillite {

/// How many tokens a text has to OpenAI's models of embeddings. More than any limit for a text that is too long to be
/// counted.
[[nodiscard]] std::uint64_t count_tokens(std::string_view text);

/// The same of the `input` of a request, whether or not it is allowed: a text, tokens, or a list of either.
[[nodiscard]] std::uint64_t count_input_tokens(const Json& input);

}  // namespace tillite
