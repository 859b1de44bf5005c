#include "app/parts/pipeline_host.h"

#include "adapters/local/sqlite_execution_store.h"
#include "adapters/local/sqlite_log.h"
#include "adapters/local/system_clock.h"
#include "app/embedded_definitions.h"
#include "app/functions/function_catalog.h"
#include "app/functions/step_task_runner.h"
#include "app/parts/embedding_service.h"
#include "app/parts/pipeline_ports.h"
#include "app/served_queues.h"
#include "app/tasks/task_router.h"
#include "base/grace_time.h"
#include "server/engine_backend.h"
#include "server/step_functions_service.h"

namespace tillite {
namespace {

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

/// Calls of services go on for a moment behind a stop, so that a step which ends can give back its lock and its
/// messages; those for rows longer than clearing up behind an object that was cut off may take.
struct LateStops {
  explicit LateStops(const std::stop_token& first)
      : objects(first, std::chrono::milliseconds(2'000)), rows(first, std::chrono::milliseconds(5'000)) {}
  LateStop objects;
  LateStop rows;
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

/// What an execution keeps, and what functions log: always in the home.
struct EngineStores {
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<SqliteExecutionStore> executions;
  std::unique_ptr<SqliteLog> logs;
};

class EmbeddedHost final : public PipelineHost {
 public:
  EmbeddedHost(Home home, Path scratch, std::unique_ptr<LateStops> ports_stops, std::unique_ptr<PipelinePorts> pipeline,
               std::unique_ptr<EngineStores> stores, std::vector<FunctionInfo> functions, const Options& options)
      : home_(std::move(home)),
        ports_stops_(std::move(ports_stops)),
        pipeline_(std::move(pipeline)),
        stores_(std::move(stores)),
        task_settings_(read_task_settings(options.environment)),
        context_{pipeline_->settings(), options.log, options.stop, std::move(scratch), "tillite"},
        invocations_(*stores_->logs, stores_->clock, stores_->random, options.log.named("functions"),
                     std::move(functions)) {
    task_settings_.commands_allowed = options.runs_commands;
    keeps_history_ = options.keeps_history;
    context_.spending = options.spending;
  }

  const Home& home() const override { return home_; }
  const Ports& ports() const override { return pipeline_->ports(); }
  const std::set<std::string>& on_aws() const override { return pipeline_->on_aws(); }
  const StepContext& context() const override { return context_; }
  ExecutionStore& executions() override { return *stores_->executions; }
  FunctionLog& function_log() override { return *stores_->logs; }
  InvocationLog& invocations() override { return invocations_; }

  TaskRunner& tasks() override {
    tasks_.push_back(std::make_unique<Tasks>(ports(), context_, invocations_, nullptr, task_settings_));
    return tasks_.back()->router;
  }

  std::unique_ptr<Engine> engine(Progress* progress) override {
    StepTaskRunner::Listener listener;
    if (progress != nullptr) {
      listener = [progress](std::string_view function_name, const Result<Json>& result) {
        progress->step_ended(function_name, result);
      };
    }
    tasks_.push_back(std::make_unique<Tasks>(ports(), context_, invocations_, std::move(listener), task_settings_));
    Tasks& tasks = *tasks_.back();
    Engine::Settings settings{.threads_max = std::max(kWorkersMax, context_.settings.provider_calls_max),
                              .function_groups = function_groups(context_.settings.provider_calls_max),
                              .keeps_history = keeps_history_,
                              .buckets = {{"vectors", &ports().vectors}, {"batches", &ports().batch_files}},
                              .machine = built_in_machine};
    auto engine = std::make_unique<Engine>(*stores_->executions, stores_->clock, stores_->random, tasks.router,
                                           context_.log.named("engine"), std::move(settings));
    tasks.add_states(*engine, *stores_->executions, ports());
    return engine;
  }

 private:
  Home home_;
  std::unique_ptr<LateStops> ports_stops_;
  std::unique_ptr<PipelinePorts> pipeline_;
  std::unique_ptr<EngineStores> stores_;
  TaskSettings task_settings_;
  bool keeps_history_ = true;
  StepContext context_;
  InvocationLog invocations_;
  std::vector<std::unique_ptr<Tasks>> tasks_;
};

/// CHROMA_PERSIST_DIRECTORY, else the home.
Result<WorkFolders> work_folders(const Environment& environment, const Home& home) {
  const Path folder = environment("CHROMA_PERSIST_DIRECTORY").value_or("");
  if (folder.empty()) return WorkFolders{.scratch = home.scratch_folder(), .snapshots = home.snapshots_folder()};
  WorkFolders folders = WorkFolders::below(folder);
  const auto made = make_folders(folders.scratch);
  if (!made) return pass_on(made, "the variable CHROMA_PERSIST_DIRECTORY");
  ScratchFolder::remove_stale(folders.scratch);
  return folders;
}

}  // namespace

Result<std::unique_ptr<PipelineHost>> PipelineHost::open(const Options& options) {
  // Nothing is made where they are wrong.
  TRY(read_settings(options.environment, default_model(options.environment)));
  Home home = TRY(Home::open(options.home, options.create || is_all_on_aws(options.environment)));
  WorkFolders folders = TRY(work_folders(options.environment, home));
  auto ports_stops = std::make_unique<LateStops>(options.stop);
  auto pipeline =
      TRY(PipelinePorts::open({.environment = options.environment,
                               .home = &home,
                               .folders = folders,
                               .log = options.log,
                               .stops = {.objects = ports_stops->objects.token(), .rows = ports_stops->rows.token()}}));
  auto stores = std::make_unique<EngineStores>();
  stores->executions = TRY(SqliteExecutionStore::open(home.workflows_file()));
  stores->logs = TRY(SqliteLog::open(home.logs_file(), stores->clock));
  auto functions = TRY(function_catalog());
  return std::make_unique<EmbeddedHost>(std::move(home), std::move(folders.scratch), std::move(ports_stops),
                                        std::move(pipeline), std::move(stores), std::move(functions), options);
}

}  // namespace tillite
