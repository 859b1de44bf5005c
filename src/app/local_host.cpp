#include "app/local_host.h"

#include "adapters/local/folder_object_store.h"
#include "adapters/local/sqlite_execution_store.h"
#include "adapters/local/sqlite_log.h"
#include "adapters/local/sqlite_queue.h"
#include "adapters/local/sqlite_table.h"
#include "adapters/local/sqlite_vector_cache.h"
#include "adapters/local/system_clock.h"
#include "app/embedded_definitions.h"
#include "app/embedding_service.h"
#include "app/function_catalog.h"
#include "app/served_queues.h"
#include "app/step_task_runner.h"
#include "app/tasks/task_router.h"
#include "server/engine_backend.h"
#include "server/step_functions_service.h"
#include "steps/collection.h"
#include "steps/generation.h"

namespace tillite {
namespace {

/// The adapters, in the order in which they need each other.
struct Adapters {
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<SqliteTable> table;
  std::unique_ptr<SqliteExecutionStore> executions;
  std::unique_ptr<SqliteTable> provider_table;
  std::unique_ptr<SqliteQueue> queue;
  std::unique_ptr<SqliteLog> logs;
  std::unique_ptr<SqliteVectorCache> cache;
  std::unique_ptr<FolderObjectStore> vectors;
  std::unique_ptr<FolderObjectStore> batch_files;
  std::unique_ptr<FolderObjectStore> provider_files;
};

/// What an engine's tasks go to: the steps of this process, and what else a Resource may name.
struct Tasks {
  Tasks(const Ports& ports, const StepContext& context, InvocationLog& invocations, StepTaskRunner::Listener listener,
        const TaskSettings& settings)
      : steps(ports, context, invocations, std::move(listener)),
        queues(served_queues(ports.queue), {}, polls),
        services(ports.clock, ports.random),
        router(steps, services, settings, context.log) {
    services.add("sqs", queues);
  }

  /// The engine's own service, for its tasks: before any of them runs.
  void add_states(Engine& engine, ExecutionStore& executions, const Ports& ports) {
    backend = std::make_unique<EngineBackend>(engine, executions, ports.clock, polls);
    states = std::make_unique<StepFunctionsService>(*backend, AwsPlace(), polls, ports.clock, ports.random);
    services.add("sfn", *states);
  }

  StepTaskRunner steps;
  LongPolls polls;
  SqsService queues;
  std::unique_ptr<EngineBackend> backend;
  std::unique_ptr<StepFunctionsService> states;
  AwsTask services;
  TaskRouter router;
};

/// Steps that compute, at the same time: each of them uses the cores that there are.
constexpr std::size_t kWorkersMax = 2;

/// Whoever waits for the provider must not keep the others waiting, nor open a connection for each of its batches.
std::vector<FunctionGroup> function_groups(std::size_t provider_calls_max) {
  FunctionGroup provider{.name = "provider", .functions = {}, .calls_max = provider_calls_max};
  FunctionGroup others{.name = "others", .functions = {}, .calls_max = kWorkersMax};
  for (const NamedStep& step : all_steps()) {
    (step.calls_provider ? provider : others).functions.emplace(step.function_name);
  }
  return {std::move(provider), std::move(others)};
}

/// A machine that is built into the program, for tasks that start it.
std::optional<MachineRow> built_in_machine(const std::string& name) {
  const auto machine = load_state_machine(name);
  if (!machine) return std::nullopt;
  return MachineRow{.name = name, .type = "STANDARD", .definition = machine->definition()};
}

class EmbeddedHost final : public LocalHost {
 public:
  EmbeddedHost(Home home, std::unique_ptr<Adapters> adapters, std::unique_ptr<EmbeddingService> embedding,
               Settings settings, std::vector<FunctionInfo> functions, const Options& options)
      : home_(std::move(home)),
        adapters_(std::move(adapters)),
        embedding_(std::move(embedding)),
        settings_(std::move(settings)),
        task_settings_(read_task_settings(options.environment)),
        ports_{*adapters_->table, *adapters_->vectors,   *adapters_->batch_files,
               *adapters_->queue, embedding_->batches(), embedding_->texts(),
               *adapters_->cache, adapters_->clock,      adapters_->random},
        context_{settings_, options.log, options.stop, home_.scratch_folder(), "tillite"},
        invocations_(*adapters_->logs, adapters_->clock, adapters_->random, options.log.named("functions"),
                     std::move(functions)) {
    task_settings_.commands_allowed = options.runs_commands;
    keeps_history_ = options.keeps_history;
    context_.spending = options.spending;
  }

  const Home& home() const override { return home_; }
  const Ports& ports() const override { return ports_; }
  const StepContext& context() const override { return context_; }
  ExecutionStore& executions() override { return *adapters_->executions; }
  FunctionLog& function_log() override { return *adapters_->logs; }
  InvocationLog& invocations() override { return invocations_; }

  TaskRunner& tasks() override {
    tasks_.push_back(std::make_unique<Tasks>(ports_, context_, invocations_, nullptr, task_settings_));
    return tasks_.back()->router;
  }

  std::unique_ptr<Engine> engine(Progress* progress) override {
    StepTaskRunner::Listener listener;
    if (progress != nullptr) {
      listener = [progress](std::string_view function_name, const Result<Json>& result) {
        progress->step_ended(function_name, result);
      };
    }
    tasks_.push_back(std::make_unique<Tasks>(ports_, context_, invocations_, std::move(listener), task_settings_));
    Tasks& tasks = *tasks_.back();
    Engine::Settings settings{
        .threads_max = std::max(kWorkersMax, settings_.provider_calls_max),
        .function_groups = function_groups(settings_.provider_calls_max),
        .keeps_history = keeps_history_,
        .buckets = {{"vectors", adapters_->vectors.get()}, {"batches", adapters_->batch_files.get()}},
        .machine = built_in_machine};
    auto engine = std::make_unique<Engine>(*adapters_->executions, adapters_->clock, adapters_->random, tasks.router,
                                           context_.log.named("engine"), std::move(settings));
    tasks.add_states(*engine, *adapters_->executions, ports_);
    return engine;
  }

 private:
  Home home_;
  std::unique_ptr<Adapters> adapters_;
  std::unique_ptr<EmbeddingService> embedding_;
  Settings settings_;
  TaskSettings task_settings_;
  bool keeps_history_ = true;
  Ports ports_;
  StepContext context_;
  InvocationLog invocations_;
  std::vector<std::unique_ptr<Tasks>> tasks_;
};

/// The model of a collection that is not there yet, beside one that is: what is there decides, not what else the
/// environment has. Nothing if there is none yet, or it cannot be read, which is the business of who needs it.
std::optional<std::string> bound_model(ObjectStore& vectors) {
  for (const Entity entity : {Entity::line, Entity::word}) {
    const auto binding = stored_binding(entity, vectors);
    if (binding && *binding) return (*binding)->model;
  }
  return std::nullopt;
}

/// The models of all generations that vectors may still be made for. What cannot be read is the business of who needs
/// it.
std::set<std::string> models_in_use(Table& table, ObjectStore& vectors) {
  std::set<std::string> models;
  for (const Entity entity : kEntities) {
    const auto generations = generations_of(entity, table, vectors);
    if (!generations) continue;
    for (const Generation& generation : *generations) {
      const bool is_over = generation.state == GenerationState::retired || generation.state == GenerationState::removed;
      if (!is_over) models.insert(generation.binding.model);
    }
  }
  return models;
}

}  // namespace

Result<std::unique_ptr<LocalHost>> LocalHost::open(const Options& options) {
  std::string model = default_model(options.environment);
  Settings settings = TRY(read_settings(options.environment, model));  // nothing is made where they are wrong
  Home home = TRY(Home::open(options.home, options.create));
  auto adapters = std::make_unique<Adapters>();
  adapters->vectors = TRY(FolderObjectStore::open(home.vectors_folder()));
  adapters->table = TRY(SqliteTable::open(home.table_file()));
  const std::set<std::string> models = models_in_use(*adapters->table, *adapters->vectors);
  model = bound_model(*adapters->vectors).value_or(model);
  settings = TRY(read_settings(options.environment, model, models));
  adapters->executions = TRY(SqliteExecutionStore::open(home.workflows_file()));
  adapters->provider_table = TRY(SqliteTable::open(home.provider_file()));
  adapters->queue = TRY(SqliteQueue::open(home.queue_file(), adapters->clock));
  adapters->logs = TRY(SqliteLog::open(home.logs_file(), adapters->clock));
  adapters->cache = TRY(SqliteVectorCache::open(home.cache_file(), adapters->clock, settings.cache_bytes));
  adapters->batch_files = TRY(FolderObjectStore::open(home.batches_folder()));
  adapters->provider_files = TRY(FolderObjectStore::open(home.provider_folder()));
  auto embedding = TRY(make_embedding_service(settings, models, options.environment,
                                              {.provider_table = *adapters->provider_table,
                                               .provider_files = *adapters->provider_files,
                                               .clock = adapters->clock,
                                               .random = adapters->random,
                                               .scratch = home.scratch_folder(),
                                               .log = options.log,
                                               .stop = options.stop}));
  auto functions = TRY(function_catalog());
  return std::make_unique<EmbeddedHost>(std::move(home), std::move(adapters), std::move(embedding), std::move(settings),
                                        std::move(functions), options);
}

}  // namespace tillite
