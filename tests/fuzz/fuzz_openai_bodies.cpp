// The bodies of requests to the emulator of OpenAI's API, the lines of a batch's input, and what the emulator is told
// to do.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "emulator/batches/create_request.h"
#include "emulator/batches/input_check.h"
#include "emulator/faults/answer_script.h"
#include "emulator/latency.h"
#include "emulator/service/answers.h"
#include "emulator/service/api.h"

namespace tillite {
namespace {

const ModelCatalog& models() {
  static const ModelCatalog catalog = *ModelCatalog::parse("text-embedding-3-small=8,text-embedding-ada-002=4");
  return catalog;
}

void use_body(const Json& body) {
  if (const auto request = parse_embedding_request(body, models())) {
    check(!request->inputs.empty() && request->inputs.size() <= EmbeddingRequest::kInputsMax, "inputs are limited");
    check(request->tokens <= EmbeddingRequest::kTokensMax, "tokens are limited");
    check(request->dimensions >= 1 && request->dimensions <= 8, "a vector is at most as long as the model's");
    check(count_inputs(body) == request->inputs.size(), "what is counted is what is answered");
  } else {
    check(request.error().body().contains("error"), "a refusal has a body");
  }
  if (const auto outcome = Outcome::parse(body)) {
    const auto again = Outcome::parse(outcome->json());
    check(again && again->json() == outcome->json(), "an outcome that was written can be read");
  }
  static_cast<void>(ScriptedAnswer::parse(body));
  if (!body.is_object()) return;
  if (const auto request = parse_create_batch(body)) {
    check(request->metadata.is_null() || request->metadata.size() <= 16, "metadata is limited");
  }
}

void use(std::string_view text) {
  if (const auto body = parse_json(text, "the body")) use_body(*body);
  if (const auto request = parse_input_request(text, "/v1/embeddings")) {
    check(!request->custom_id.empty() && request->body.is_object(), "a request says whose it is and what it asks for");
    use_body(request->body);
  }
  if (const auto spec = FaultSpec::parse(text)) check(spec->requests.sum() <= 1.000001, "probabilities are possible");
  if (const auto latency = Latency::parse(text)) check(latency->in_progress_ms >= 0, "time does not run backwards");
  static_cast<void>(limit_in(query_of(text), 20, 100));
  const Route route = route_of("GET", text);
  check(route.call == Route::Call::unknown || text.starts_with("/v1/"), "what is served has its place");
}

}  // namespace
}  // namespace tillite

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillite::use(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
