#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tillite {

// Base64 of RFC 4648 with the standard alphabet, strictly: no blanks, no line ends, no other characters; padding whole
// or not at all; the bits that the last character has left over are zero. So a text stands for one sequence of bytes.
// Reading is compiled for AVX-512 (VBMI), AVX2, NEON and plain machines; the machine at hand decides at run time.

/// The text of `bytes`, padded.
[[nodiscard]] std::string base64_of(std::span<const std::byte> bytes);

/// How many bytes a text of this length and padding holds; nothing if base64 has no such length.
[[nodiscard]] std::optional<std::size_t> base64_size(std::string_view text);

/// Fills `bytes`, which has base64_size(text) places. False if the text is no base64; `bytes` are then of no use.
[[nodiscard]] bool read_base64(std::string_view text, std::span<std::byte> bytes);

/// One way to read whole groups of four characters from the front: the number of characters read, a multiple of four.
/// It ends before a group that is no base64, or earlier where its registers do not fit any more.
struct Base64Kernel {
  const char* name;
  std::size_t (*read_groups)(const char* text, std::size_t size, std::byte* bytes);
};
/// The ways that this machine knows, the best first; the last is plain C++, which reads to the last whole group.
[[nodiscard]] std::vector<Base64Kernel> base64_kernels();

}  // namespace tillite
