#pragma once

#include <memory>
#include <optional>
#include <set>
#include <stop_token>

#include "base/log.h"
#include "ports/batch_provider.h"
#include "ports/clock.h"
#include "ports/object_store.h"
#include "ports/table.h"
#include "ports/text_embedder.h"
#include "steps/settings.h"

namespace tillite {

/// Who makes vectors: of batches, and of single texts.
class EmbeddingService {
 public:
  virtual ~EmbeddingService() = default;
  [[nodiscard]] virtual BatchProvider& batches() = 0;
  [[nodiscard]] virtual TextEmbedder& texts() = 0;
};

/// The model of a new home: OpenAI's where the environment has a key of OpenAI's or the address of a compatible server
/// (OPENAI_API_KEY, OPENAI_BASE_URL), else the local embedder's.
[[nodiscard]] std::string default_model(const Environment& environment);

/// What an EmbeddingService stands on; all of it must outlive the service.
struct EmbeddingServiceParts {
  Table& provider_table;        ///< the embedded provider's batches
  ObjectStore& provider_files;  ///< and their files
  Clock& clock;
  Random& random;
  Path scratch;
  Logger log = Logger::none();
  std::stop_token stop;
};

/// The service that knows the settings' model and `models`, those of the generations that are there: the local embedder
/// for its own, OpenAI's API for every other. Nothing is called yet; a missing key is an error of the calls
/// (`permission`). `invalid_input` names the variable.
[[nodiscard]] Result<std::unique_ptr<EmbeddingService>> make_embedding_service(const Settings& settings,
                                                                               const std::set<std::string>& models,
                                                                               const Environment& environment,
                                                                               const EmbeddingServiceParts& parts);

}  // namespace tillite
