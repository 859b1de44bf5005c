#include "app/open_function_ports.h"

#include "adapters/local/folder_object_store.h"
#include "adapters/local/home.h"
#include "adapters/local/sqlite_queue.h"
#include "adapters/local/sqlite_table.h"
#include "adapters/local/sqlite_vector_cache.h"
#include "adapters/local/system_clock.h"
#include "app/embedding_service.h"
#include "app/models_of_home.h"

namespace tillite {
namespace {

/// The embedded adapters of a home, in the order in which they need each other.
struct HomeAdapters {
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<SqliteTable> table;
  std::unique_ptr<SqliteTable> provider_table;
  std::unique_ptr<SqliteQueue> queue;
  std::unique_ptr<SqliteVectorCache> cache;
  std::unique_ptr<FolderObjectStore> vectors;
  std::unique_ptr<FolderObjectStore> batch_files;
  std::unique_ptr<FolderObjectStore> provider_files;
};

class HomePorts final : public FunctionPorts {
 public:
  HomePorts(std::unique_ptr<HomeAdapters> adapters, std::unique_ptr<EmbeddingService> embedding, Settings settings)
      : adapters_(std::move(adapters)),
        embedding_(std::move(embedding)),
        settings_(std::move(settings)),
        ports_{*adapters_->table, *adapters_->vectors,   *adapters_->batch_files,
               *adapters_->queue, embedding_->batches(), embedding_->texts(),
               *adapters_->cache, adapters_->clock,      adapters_->random} {}
  const Ports& ports() const override { return ports_; }
  const Settings& settings() const override { return settings_; }

 private:
  std::unique_ptr<HomeAdapters> adapters_;
  std::unique_ptr<EmbeddingService> embedding_;
  Settings settings_;
  Ports ports_;
};

}  // namespace

Result<std::unique_ptr<FunctionPorts>> open_function_ports(const Environment& environment, const Logger& log,
                                                           std::stop_token stop) {
  const std::string folder = environment("TILLITE_HOME").value_or("");
  if (folder.empty()) return fail(Code::invalid_input, "the variable TILLITE_HOME is missing: it names the home");
  const Home home = TRY(Home::open(folder, false));
  auto adapters = std::make_unique<HomeAdapters>();
  adapters->vectors = TRY(FolderObjectStore::open(home.vectors_folder()));
  Settings settings =
      TRY(read_settings(environment, bound_model(*adapters->vectors).value_or(default_model(environment))));
  adapters->table = TRY(SqliteTable::open(home.table_file()));
  adapters->provider_table = TRY(SqliteTable::open(home.provider_file()));
  adapters->queue = TRY(SqliteQueue::open(home.queue_file(), adapters->clock));
  adapters->cache = TRY(SqliteVectorCache::open(home.cache_file(), adapters->clock, settings.cache_bytes));
  adapters->batch_files = TRY(FolderObjectStore::open(home.batches_folder()));
  adapters->provider_files = TRY(FolderObjectStore::open(home.provider_folder()));
  auto embedding =
      TRY(make_embedding_service(settings, models_in_use(*adapters->table, *adapters->vectors), environment,
                                 {.provider_table = *adapters->provider_table,
                                  .provider_files = *adapters->provider_files,
                                  .clock = adapters->clock,
                                  .random = adapters->random,
                                  .scratch = home.scratch_folder(),
                                  .log = log,
                                  .stop = std::move(stop)}));
  return std::make_unique<HomePorts>(std::move(adapters), std::move(embedding), std::move(settings));
}

}  // namespace tillite
