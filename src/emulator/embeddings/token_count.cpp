#include "emulator/embeddings/token_count.h"

#include "embedding/tokens/tokenizer.h"

namespace tillite {

std::uint64_t count_tokens(std::string_view text) { return cl100k_base().count_tokens(text).value_or(text.size()); }

std::uint64_t count_input_tokens(const Json& input) {
  if (input.is_string()) return count_tokens(input.get_ref<const std::string&>());
  if (!input.is_array()) return 0;
  std::uint64_t tokens = 0;
  for (const Json& part : input) tokens += part.is_number() ? 1 : count_input_tokens(part);
  return tokens;
}

}  // namespace tillite
