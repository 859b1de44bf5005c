#pragma once

#include <cstddef>
#include <string_view>

namespace tillite {

/// The size in bytes of the first piece of a text that is not empty. A token never reaches beyond a piece: cl100k_base
/// cuts a text into contractions ('s, 'll, ...), words with one character before them, up to three digits, runs of
/// other characters, and blanks. The pattern is the one that was published with the encoding:
///
///     (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
///     ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
///
/// with \s as Unicode's White_Space. Linear in the text over all its pieces. A byte that is not UTF-8 counts as a
/// character that is neither letter, number nor blank.
[[nodiscard]] std::size_t first_piece_bytes(std::string_view text);

}  // namespace tillite
