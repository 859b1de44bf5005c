#include "app/parts/embedding_service.h"

#include <algorithm>

#include "adapters/openai/openai_provider.h"
#include "adapters/openai/openai_text_embedder.h"
#include "app/parts/openai_environment.h"
#include "embedding/embedded_provider.h"
#include "embedding/embedded_text_embedder.h"
#include "embedding/routed_provider.h"

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

/// For a home that has both, at least while a generation of another model is built.
class BothServices final : public EmbeddingService {
 public:
  BothServices(std::unique_ptr<EmbeddingService> local, std::unique_ptr<EmbeddingService> openai)
      : local_(std::move(local)),
        openai_(std::move(openai)),
        batches_(local_->batches(), std::string(NgramEmbedder().model()), openai_->batches()),
        texts_(local_->texts(), std::string(NgramEmbedder().model()), openai_->texts()) {}
  BatchProvider& batches() override { return batches_; }
  TextEmbedder& texts() override { return texts_; }

 private:
  std::unique_ptr<EmbeddingService> local_;
  std::unique_ptr<EmbeddingService> openai_;
  RoutedProvider batches_;
  RoutedTextEmbedder texts_;
};

}  // namespace

std::string default_model(const Environment& environment) {
  return names_openai(environment) ? std::string(kOpenAiModel) : std::string(NgramEmbedder().model());
}

Result<std::unique_ptr<EmbeddingService>> make_embedding_service(const Settings& settings,
                                                                 const std::set<std::string>& models,
                                                                 const Environment& environment,
                                                                 const EmbeddingServiceParts& parts) {
  const std::string local(NgramEmbedder().model());
  const bool needs_local = settings.model == local || models.contains(local);
  const bool needs_openai =
      settings.model != local || std::ranges::any_of(models, [&](const auto& model) { return model != local; });
  if (!needs_openai) return std::make_unique<EmbeddedService>(settings.dimensions, parts);
  OpenAiSettings openai = TRY(read_openai_settings(environment));
  openai.scratch = parts.scratch;
  openai.calls_max = settings.provider_calls_max;
  auto service = std::make_unique<OpenAiService>(std::move(openai), parts);
  if (!needs_local) return service;
  return std::make_unique<BothServices>(std::make_unique<EmbeddedService>(settings.dimensions, parts),
                                        std::move(service));
}

}  // namespace tillite
