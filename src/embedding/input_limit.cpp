#include "embedding/input_limit.h"

namespace tillite {

Result<SentInput> sent_input(const Tokenizer& tokenizer, std::string_view text, const InputLimit& limit) {
  using Fate = SentInput::Fate;
  const std::size_t tokens = TRY(tokenizer.count_tokens(text));
  if (tokens <= limit.tokens_max) return SentInput{Fate::whole, text, tokens, tokens};
  if (limit.too_long == TooLong::refuse) return SentInput{Fate::refused, {}, 0, tokens};
  const std::string_view front = TRY(tokenizer.cut_to_tokens(text, limit.tokens_max));
  // A limit below the tokens of the first character leaves nothing that could be sent.
  if (front.empty()) return SentInput{Fate::refused, {}, 0, tokens};
  const std::size_t front_tokens = TRY(tokenizer.count_tokens(front));
  return SentInput{Fate::cut, front, front_tokens, tokens};
}

}  // namespace tillite
