#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "expressions/value.h"

namespace tillite {

// What several of Step Functions' operations take and answer.

/// A text of at most `bytes_max`; ValidationException if it is longer, no text or, for text_of(), not there.
[[nodiscard]] Result<std::string> text_of(const Json& parameters, std::string_view name, std::size_t bytes_max);
[[nodiscard]] Result<std::optional<std::string>> optional_text_of(const Json& parameters, std::string_view name,
                                                                  std::size_t bytes_max);

/// How many results a page has: maxResults from 0 (the usual 100) to 1,000.
[[nodiscard]] Result<std::size_t> page_size_of(const Json& parameters);

/// InvalidToken
[[nodiscard]] std::unexpected<Error> invalid_token();
/// A page's nextToken that is a number; nothing on the first page.
[[nodiscard]] Result<std::optional<std::int64_t>> number_token_of(const Json& parameters);

/// Whether includedData asks for all (it does if it is not there), and not for metadata only.
[[nodiscard]] Result<bool> wants_all_data(const Json& parameters);

/// A page of a list that is at hand as a whole: `{name: [...], nextToken}`.
[[nodiscard]] Result<Json> page_of_list(std::vector<Json> entries, std::string_view name, const Json& parameters);

/// What a payload (input, output) may have, in UTF-8.
inline constexpr std::size_t kPayloadBytesMax = 262'144;
inline constexpr std::size_t kDefinitionBytesMax = 1'048'576;
inline constexpr std::size_t kArnBytesMax = 2000;
inline constexpr std::size_t kErrorBytesMax = 256;
inline constexpr std::size_t kCauseBytesMax = 32'768;
inline constexpr std::size_t kTokenBytesMax = 2048;

}  // namespace tillite
