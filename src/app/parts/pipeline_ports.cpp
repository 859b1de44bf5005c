#include "app/parts/pipeline_ports.h"

#include <algorithm>
#include <array>

#include "adapters/aws/table_vector_cache.h"
#include "adapters/local/folder_object_store.h"
#include "adapters/local/sqlite_queue.h"
#include "adapters/local/sqlite_table.h"
#include "adapters/local/sqlite_vector_cache.h"
#include "adapters/local/system_clock.h"
#include "app/parts/aws_parts.h"
#include "app/parts/embedding_service.h"
#include "app/parts/models_of_home.h"

namespace tillite {
namespace {

constexpr std::array kPartNames = {"DYNAMODB_TABLE_NAME", "CHROMADB_BUCKET", "S3_BUCKET", "COMPACTION_QUEUE_URL"};

bool is_set(const Environment& environment, const std::string& name) { return !environment(name).value_or("").empty(); }

/// The adapters, in the order in which they need each other.
struct Adapters {
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<Table> table;
  std::unique_ptr<ObjectStore> vectors;
  std::unique_ptr<ObjectStore> batch_files;
  std::unique_ptr<Queue> queue;
  std::unique_ptr<VectorCache> cache;
  std::unique_ptr<Table> home_provider_table;
  std::unique_ptr<ObjectStore> home_provider_files;
};

/// What is not on AWS.
Result<void> open_in_home(Adapters& adapters, const Home& home) {
  if (!adapters.table) adapters.table = TRY(SqliteTable::open(home.table_file()));
  if (!adapters.vectors) adapters.vectors = TRY(FolderObjectStore::open(home.vectors_folder()));
  if (!adapters.batch_files) adapters.batch_files = TRY(FolderObjectStore::open(home.batches_folder()));
  if (!adapters.queue) adapters.queue = TRY(SqliteQueue::open(home.queue_file(), adapters.clock));
  return {};
}

Result<void> check_is_whole(const Environment& environment) {
  for (const char* name : kPartNames) {
    if (is_set(environment, name)) continue;
    return fail(Code::invalid_input, "the variable {} is missing: without a home (TILLITE_HOME) every part lies on AWS",
                name);
  }
  return {};
}

/// Which models decide what is opened.
struct ChosenModels {
  std::string model;             ///< of a collection that is not there yet
  std::set<std::string> in_use;  ///< of all generations

  /// The first generation of a collection changes nothing if its model is the one that was chosen for it.
  [[nodiscard]] bool are_those_of(const ChosenModels& other) const {
    const auto all = [](const ChosenModels& models) {
      std::set<std::string> names = models.in_use;
      names.insert(models.model);
      return names;
    };
    return model == other.model && all(*this) == all(other);
  }
};

Result<ChosenModels> choose_models(const Environment& environment, const Adapters& adapters) {
  ModelsOfHome home = TRY(models_of_home(*adapters.table, *adapters.vectors));
  return ChosenModels{home.bound.value_or(default_model(environment)), std::move(home.in_use)};
}

class OpenedPorts final : public PipelinePorts {
 public:
  OpenedPorts(std::unique_ptr<Adapters> adapters, std::unique_ptr<EmbeddingService> embedding, Settings settings,
              Environment environment, ChosenModels models, std::set<std::string> on_aws)
      : adapters_(std::move(adapters)),
        embedding_(std::move(embedding)),
        settings_(std::move(settings)),
        environment_(std::move(environment)),
        models_(std::move(models)),
        on_aws_(std::move(on_aws)),
        ports_{*adapters_->table, *adapters_->vectors,   *adapters_->batch_files,
               *adapters_->queue, embedding_->batches(), embedding_->texts(),
               *adapters_->cache, adapters_->clock,      adapters_->random} {}
  const Ports& ports() const override { return ports_; }
  const Settings& settings() const override { return settings_; }
  Result<bool> are_current() override { return TRY(choose_models(environment_, *adapters_)).are_those_of(models_); }
  const std::set<std::string>& on_aws() const override { return on_aws_; }

 private:
  std::unique_ptr<Adapters> adapters_;
  std::unique_ptr<EmbeddingService> embedding_;
  Settings settings_;
  Environment environment_;
  ChosenModels models_;
  std::set<std::string> on_aws_;
  Ports ports_;
};

}  // namespace

bool is_all_on_aws(const Environment& environment) {
  return std::ranges::all_of(kPartNames, [&](const char* name) { return is_set(environment, name); });
}

Result<std::unique_ptr<PipelinePorts>> PipelinePorts::open(const Options& options) {
  const Environment& environment = options.environment;
  TRY(read_settings(environment, default_model(environment)));  // nothing is opened where they are wrong
  if (options.home == nullptr) TRY(check_is_whole(environment));
  std::set<std::string> on_aws;
  std::ranges::copy_if(kPartNames, std::inserter(on_aws, on_aws.end()),
                       [&](const char* name) { return is_set(environment, name); });

  auto adapters = std::make_unique<Adapters>();
  AwsParts aws = TRY(open_aws_parts(environment, options.folders.snapshots, adapters->clock, adapters->random,
                                    options.log, options.stops));
  adapters->table = std::move(aws.table);
  adapters->vectors = std::move(aws.vectors);
  adapters->batch_files = std::move(aws.batch_files);
  adapters->queue = std::move(aws.queue);
  if (options.home != nullptr) TRY(open_in_home(*adapters, *options.home));

  ChosenModels models = TRY(choose_models(environment, *adapters));
  Settings settings = TRY(read_settings(environment, models.model, models.in_use));
  // Kept vectors, and the local embedder's batches, lie where the rows lie that wait for them: whoever works on those
  // has the others, too.
  Table* provider_table = adapters->table.get();
  ObjectStore* provider_files = adapters->batch_files.get();
  if (on_aws.contains("DYNAMODB_TABLE_NAME")) {
    adapters->cache = std::make_unique<TableVectorCache>(*adapters->table, adapters->clock);
  } else {
    const Home& home = *options.home;
    adapters->cache = TRY(SqliteVectorCache::open(home.cache_file(), adapters->clock, settings.cache_bytes));
    adapters->home_provider_table = TRY(SqliteTable::open(home.provider_file()));
    adapters->home_provider_files = TRY(FolderObjectStore::open(home.provider_folder()));
    provider_table = adapters->home_provider_table.get();
    provider_files = adapters->home_provider_files.get();
  }
  auto embedding = TRY(make_embedding_service(settings, models.in_use, environment,
                                              {.provider_table = *provider_table,
                                               .provider_files = *provider_files,
                                               .clock = adapters->clock,
                                               .random = adapters->random,
                                               .scratch = options.folders.scratch,
                                               .log = options.log,
                                               .stop = options.stops.objects}));
  return std::make_unique<OpenedPorts>(std::move(adapters), std::move(embedding), std::move(settings), environment,
                                       std::move(models), std::move(on_aws));
}

}  // namespace tillite
