#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "adapters/openai/openai_answers.h"
#include "adapters/openai/openai_error.h"
#include "adapters/remote/retries.h"
#include "base/check.h"
#include "base/text.h"

namespace {

using tillite::check;

constexpr std::string_view kKey = "sk-test-0123456789abcdef";

/// Whatever a server says, a refusal is bounded, printable, and has no key in it.
void judge(const std::string& text) {
  const tillite::Secret key{std::string(kKey)};
  for (const int status : {302, 400, 401, 404, 429, 500}) {
    const tillite::HttpResponse response{
        .status = status, .headers = {{"x-request-id", text}, {"retry-after", text}}, .body = text};
    const auto refusal = tillite::judge_refusal(response, "GET /thing", key);
    const std::string& message = refusal.error.message();
    check(message.size() < 1000, "a message is bounded");
    check(tillite::is_utf8(message), "a message is UTF-8");
    check(message.find('\n') == std::string::npos, "a message is one line");
    check(message.find(kKey.substr(3)) == std::string::npos, "a message has no key in it");
    const auto pause_ms = tillite::asked_pause_ms(response, 0);
    check(pause_ms.value_or(0) >= 0, "no pause is negative");
  }
  check(tillite::parse_wait_ms(text).value_or(0) >= 0, "no duration is negative");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(tillite::parse_batch_answer(text));
  static_cast<void>(tillite::parse_batch_list(text));
  static_cast<void>(tillite::parse_file_answer(text));
  static_cast<void>(tillite::parse_file_list(text));
  static_cast<void>(tillite::parse_failure(text));
  for (const std::size_t texts : {1U, 2U}) {
    const auto vectors = tillite::parse_embeddings(text, texts, 2);
    if (!vectors) continue;
    check(vectors->size() == texts, "there is a vector for each text");
    for (const auto& vector : *vectors) {
      check(vector.size() == 2 && std::isfinite(vector[0]) && std::isfinite(vector[1]), "each is a vector");
    }
  }
  judge(text);
  return 0;
}
