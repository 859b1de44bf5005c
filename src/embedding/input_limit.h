#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "embedding/tokens/tokenizer.h"

namespace tillite {

/// What becomes of a text that is longer than the model takes.
enum class TooLong {
  cut,    ///< its front is sent
  refuse  ///< it is not sent; its item fails
};

struct InputLimit {
  std::size_t tokens_max = 8191;
  TooLong too_long = TooLong::cut;
};

/// A text as it is sent.
struct SentInput {
  enum class Fate { whole, cut, refused };
  Fate fate = Fate::whole;
  std::string_view text;   ///< the text or its front; empty if it is refused
  std::size_t tokens = 0;  ///< that are sent
  std::size_t tokens_of_whole = 0;
};

/// How a text is sent under a limit. The one place that decides it: what is planned, counted and written agrees.
/// `limit_exceeded` for a text of more than Tokenizer::kTextBytesMax.
[[nodiscard]] Result<SentInput> sent_input(const Tokenizer& tokenizer, std::string_view text, const InputLimit& limit);

}  // namespace tillite
