#include "app/embedding_service.h"

#include "adapters/openai/openai_provider.h"
#include "adapters/openai/openai_text_embedder.h"
#include "app/openai_environment.h"
#include "embedding/embedded_provider.h"
#include "embedding/embedded_text_embedder.h"

namespace tillite {
namespace {

constexpr std::string_view kOpenAiModel = "text-embedding-3-small";

class EmbeddedService final : public EmbeddingService {
 public:
  EmbeddedService(std::size_t dimensions, const EmbeddingServiceParts& parts)
      : embedder_(dimensions),
        batches_(parts.provider_table, parts.provider_files, parts.clock, parts.random, embedder_),
        texts_(embedder_) {}
  BatchProvider& batches() override { return batches_; }
  TextEmbedder& texts() override { return texts_; }

 private:
  NgramEmbedder embedder_;
  EmbeddedProvider batches_;
  EmbeddedTextEmbedder texts_;
};

class OpenAiService final : public EmbeddingService {
 public:
  OpenAiService(OpenAiSettings settings, const EmbeddingServiceParts& parts)
      : client_(std::move(settings), parts.clock, parts.random, parts.log.named("openai"), parts.stop),
        batches_(client_),
        texts_(client_) {}
  BatchProvider& batches() override { return batches_; }
  TextEmbedder& texts() override { return texts_; }

 private:
  OpenAiClient client_;
  OpenAiProvider batches_;
  OpenAiTextEmbedder texts_;
};

}  // namespace

std::string default_model(const Environment& environment) {
  return names_openai(environment) ? std::string(kOpenAiModel) : std::string(NgramEmbedder().model());
}

Result<std::unique_ptr<EmbeddingService>> make_embedding_service(const Settings& settings,
                                                                 const Environment& environment,
                                                                 const EmbeddingServiceParts& parts) {
  if (settings.model == NgramEmbedder().model()) return std::make_unique<EmbeddedService>(settings.dimensions, parts);
  OpenAiSettings openai = TRY(read_openai_settings(environment));
  openai.scratch = parts.scratch;
  openai.calls_max = settings.provider_calls_max;
  return std::make_unique<OpenAiService>(std::move(openai), parts);
}

}  // namespace tillite
