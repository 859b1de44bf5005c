#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "embedding/tokens/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tillite::check;
  if (size == 0) return 0;
  // The first byte says to how many tokens the rest is cut.
  const std::size_t tokens_max = data[0];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const tillite::Tokenizer& tokenizer = tillite::cl100k_base();

  const auto tokens = tokenizer.encode(text);
  if (!tokens) return 0;  // too long
  check(tokens->size() == tokenizer.count_tokens(text), "a text has as many tokens as are counted");
  std::string joined;
  for (const std::uint32_t token : *tokens) joined += tokenizer.ranks().token(token);
  check(joined == text, "the tokens put together are the text");

  const auto cut = tokenizer.cut_to_tokens(text, tokens_max);
  check(cut && text.starts_with(*cut), "a cut text is the front of the text");
  check(*tokenizer.count_tokens(*cut) <= tokens_max, "a cut text counts no more than allowed");
  check(cut->size() == text.size() || tokens->size() > tokens_max, "a text is cut only if it is too long");
  if (tillite::is_utf8(text)) check(tillite::is_utf8(*cut), "a cut does not go through a character");
  return 0;
}
