#include "adapters/openai/openai_text_embedder.h"

#include <algorithm>

#include "adapters/openai/openai_answers.h"
#include "base/json.h"
#include "base/text.h"
#include "ports/embedding_parameters.h"

namespace tillite {
namespace {

// Of one number: 16 characters of JSON leave room for blanks; base64 has 5.3.
constexpr std::uint64_t kNumberBytesMax = 24;
constexpr std::uint64_t kOtherBytesMax = std::uint64_t{1} << 20;

Result<void> check_texts(std::span<const std::string> texts) {
  if (texts.empty() || texts.size() > TextEmbedder::kTextsMax) {
    return fail(Code::invalid_input, "{} texts in a call; 1 to {} are allowed", texts.size(), TextEmbedder::kTextsMax);
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty()) return fail(Code::invalid_input, "text {} of {} is empty", i + 1, texts.size());
    if (!is_utf8(texts[i])) return fail(Code::invalid_input, "text {} of {} is not UTF-8", i + 1, texts.size());
  }
  return {};
}

/// How many of the texts have at most kTokensMax bytes together; one at least.
std::size_t fitting(std::span<const std::string> texts) {
  std::size_t bytes = 0;
  std::size_t count = 0;
  while (count < texts.size() && (count == 0 || bytes + texts[count].size() <= TextEmbedder::kTokensMax)) {
    bytes += texts[count++].size();
  }
  return count;
}

}  // namespace

Result<std::vector<std::vector<float>>> OpenAiTextEmbedder::embed(std::string_view model, std::size_t dimensions,
                                                                  std::span<const std::string> texts) {
  TRY(check_texts(texts));
  std::vector<std::vector<float>> vectors;
  vectors.reserve(texts.size());
  while (!texts.empty()) {
    const std::size_t count = fitting(texts);
    auto some = TRY(embed_at_once(model, dimensions, texts.first(count)));
    std::ranges::move(some, std::back_inserter(vectors));
    texts = texts.subspan(count);
  }
  return vectors;
}

Result<std::vector<std::vector<float>>> OpenAiTextEmbedder::embed_at_once(std::string_view model,
                                                                          std::size_t dimensions,
                                                                          std::span<const std::string> texts) {
  Json request = {{"model", model}, {"input", texts}, {"encoding_format", "base64"}};
  if (takes_dimensions(model)) request["dimensions"] = dimensions;
  const auto answer =
      TRY(client_.call({.method = "POST",
                        .path = "/embeddings",
                        .body = to_text(request),
                        .timeout_ms = client_.settings().timeouts.embed_ms,
                        .response_bytes_max = kOtherBytesMax + texts.size() * dimensions * kNumberBytesMax}));
  return parse_embeddings(answer.response.body, texts.size(), dimensions);
}

}  // namespace tillite
