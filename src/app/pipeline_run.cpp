#include "app/pipeline_run.h"

#include <algorithm>

#include "app/embedded_definitions.h"

namespace tillite {
namespace {

constexpr std::int64_t kFirstPauseMs = 50;
constexpr std::int64_t kPauseMsMax = 30'000;
constexpr std::size_t kUnfinishedMax = 100;

bool work_is_left(const Census& census) {
  return census.unclaimed + census.claimed + census.in_deltas + census.deltas_waiting + census.changes_waiting > 0 ||
         std::ranges::any_of(kOpenStatuses, [&](BatchStatus status) {
           return census.batches.contains(std::string(batch_status_name(status)));
         });
}

class PipelineRun {
 public:
  PipelineRun(LocalHost& host, const RunOptions& options, Progress& progress)
      : host_(host), options_(options), progress_(progress), engine_(host.engine(&progress)) {}

  Result<RunReport> run() {
    RunReport report;
    std::vector<Entity> left = TRY(entities_with_work());
    report.nothing_to_do = left.empty();
    std::int64_t pause_ms = kFirstPauseMs;
    while (!left.empty()) {
      const auto before = progress_.counts();
      for (const Entity entity : left) TRY(walk_once(entity));
      if (!options_.wait) break;
      left = TRY(entities_with_work());
      // The provider needs its time: look again soon at first, then ever more rarely until something moves.
      pause_ms = progress_.counts() == before ? std::min(pause_ms * 2, kPauseMsMax) : kFirstPauseMs;
      if (!left.empty()) TRY(host_.ports().clock.sleep(pause_ms, host_.context().stop));
    }
    for (const Entity entity : options_.entities) report.census.push_back(TRY(census_of(entity)));
    report.others_at_work = others_at_work_;
    report.done = progress_.counts();
    return report;
  }

 private:
  Result<Census> census_of(Entity entity) { return take_census(entity, host_.ports(), host_.context()); }

  Result<std::vector<Entity>> entities_with_work() {
    std::vector<Entity> entities;
    for (const Entity entity : options_.entities) {
      if (work_is_left(TRY(census_of(entity)))) entities.push_back(entity);
    }
    return entities;
  }

  Result<void> walk_once(Entity entity) {
    const EntityMachines machines = machines_of(entity);
    while (TRY(walk(machines.create)).value("more", false)) {
    }
    TRY(walk(machines.poll));
    if (auto error = progress_.full_disk()) return std::unexpected(*std::move(error));
    return {};
  }

  /// Walks a machine to its end: first the executions that were left unfinished, then a new one. The answer: its
  /// output.
  Result<Json> walk(std::string_view name) {
    const StateMachine machine = TRY(load_state_machine(name));
    for (const Execution& unfinished : TRY(engine_->list(machine.name(), ExecutionStatus::running, kUnfinishedMax))) {
      const auto walked = engine_->walk(machine, unfinished.id, host_.context().stop);
      if (walked) continue;
      const Code code = walked.error().code();
      if (code != Code::lock_held && code != Code::lost_lease) return std::unexpected(walked.error());
      others_at_work_ = true;
    }
    const Execution started = TRY(engine_->start(machine, Json::object()));
    const Execution ended = TRY(engine_->walk(machine, started.id, host_.context().stop));
    if (ended.status == ExecutionStatus::succeeded) return ended.output;
    return std::unexpected(
        Error(code_named(ended.error),
              fmt::format("{} ended as {}: {}: {} (tillite workflow history {})", ended.state_machine,
                          execution_status_name(ended.status), ended.error, ended.cause, ended.id.str())));
  }

  LocalHost& host_;
  const RunOptions& options_;
  Progress& progress_;
  std::unique_ptr<Engine> engine_;
  bool others_at_work_ = false;
};

}  // namespace

Result<RunReport> run_pipeline(LocalHost& host, const RunOptions& options, Progress& progress) {
  return PipelineRun(host, options, progress).run();
}

}  // namespace tillite
