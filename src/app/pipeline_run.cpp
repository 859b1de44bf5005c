#include "app/pipeline_run.h"

#include <algorithm>
#include <utility>

#include "app/embedded_definitions.h"
#include "app/queue_consumer.h"
#include "steps/batches/provider_files.h"
#include "steps/batches/unembedded.h"
#include "workflow/durable/task_calls.h"

namespace tillite {
namespace {

constexpr std::int64_t kFirstPauseMs = 50;
constexpr std::int64_t kPauseMsMax = 30'000;
constexpr std::int64_t kPauseOnAwsMsMax = 5 * 60'000;  // each look is two executions, which are billed
constexpr std::size_t kUnfinishedMax = 100;
constexpr std::int64_t kDeletingFilesMsMax = 600'000;

/// What moves without anybody finding items: batches, deltas, a generation that is being built.
bool is_on_its_way(const Census& census) {
  if (census.building) return true;
  return census.claimed - census.held + census.in_deltas + census.deltas_waiting > 0 ||
         std::ranges::any_of(kOpenStatuses, [&](BatchStatus status) {
           return census.batches.contains(std::string(batch_status_name(status)));
         });
}

/// Whether something is still to come of what was sent. Batches that a budget keeps back are none of it.
bool is_answer_due(const Census& census) {
  return census.in_deltas + census.deltas_waiting > 0 || std::ranges::any_of(kOpenStatuses, [&](BatchStatus status) {
           return census.batches.contains(std::string(batch_status_name(status)));
         });
}

/// A change that a walk left cannot be told, and waiting does not help: it is none of what is on its way.
bool work_is_left(const Census& census) {
  return census.unclaimed + census.changes_waiting > 0 || is_on_its_way(census);
}

/// Whether a walk of create-batches left items that the next one finds at once. Not if no batch of its could go: then
/// the next would meet the same ones, which wait for room at the provider.
bool more_can_be_submitted(const Value& output) {
  const Value* more = output.find("more");
  const Value* submitted = output.find("submitted");
  if (more == nullptr || *more != Value(true) || submitted == nullptr || !submitted->is_array()) return false;
  return std::ranges::any_of(submitted->array(), [](const Value& batch) {
    const Value* action = batch.find("action");
    return action != nullptr && (*action == Value("submitted") || *action == Value("delivered"));
  });
}

std::string how_it_ended(const Execution& execution) {
  return fmt::format("{} ended as {}: {}: {} (tillite workflow history {})", execution.state_machine,
                     execution_status_name(execution.status), execution.error,
                     message_of_cause(execution.cause.value_or("")), execution.id.str());
}

class PipelineRun {
 public:
  PipelineRun(PipelineHost& host, StateMachines& machines, const RunOptions& options, Progress& progress)
      : host_(host), machines_(machines), options_(options), progress_(progress) {}

  Result<RunReport> run() {
    RunReport report;
    std::vector<Census> standing = TRY(take_standing());
    report.nothing_to_do = std::ranges::none_of(standing, work_is_left);
    progress_.expect(options_.items_planned);
    std::int64_t pause_ms = kFirstPauseMs;
    while (is_anything_left(standing)) {
      for (const Census& census : standing) {
        if (work_is_left(census)) TRY(walk_once(census.entity));
      }
      const std::vector<Census> before = std::exchange(standing, TRY(take_standing()));
      if (!options_.wait || !is_anything_left(standing)) break;
      if (standing == before && !TRY(anything_may_move(standing))) break;
      // The provider needs its time: look again soon at first, then ever more rarely until something moves, here or in
      // another process.
      const std::int64_t pause_ms_max = options_.on_aws ? kPauseOnAwsMsMax : kPauseMsMax;
      pause_ms = standing == before ? std::min(pause_ms * 2, pause_ms_max) : kFirstPauseMs;
      TRY(host_.ports().clock.sleep(pause_ms, host_.context().stop));
    }
    if (!options_.on_aws) {
      // Messages that others have left: what this run merged itself is told to nobody.
      if (TRY(queue_consumer(host_).drain(host_.context().stop)) > 0) standing = TRY(take_standing());
      TRY(delete_files_of_the_provider());
    }
    report.census = std::move(standing);
    report.others_at_work = others_at_work_;
    report.refused = refused();
    report.done = progress_.counts();
    return report;
  }

 private:
  [[nodiscard]] Spending::Refused refused() const {
    const auto& spending = host_.context().spending;
    return spending ? spending->refused() : Spending::Refused();
  }
  [[nodiscard]] bool is_anything_left(const std::vector<Census>& standing) const {
    return std::ranges::any_of(standing, refused().batches > 0 ? is_answer_due : work_is_left);
  }

  /// Whether waiting helps, after a walk that changed nothing: what is left may be items that cannot be sent, because
  /// their receipt cannot be read or there is nothing in them to send.
  Result<bool> anything_may_move(const std::vector<Census>& standing) {
    const Ports& ports = host_.ports();
    for (const Census& census : standing) {
      if (is_on_its_way(census) || TRY(any_deferred(census.entity, ports.table, ports.clock.now_ms()))) return true;
    }
    return false;
  }

  Result<std::vector<Census>> take_standing() {
    std::vector<Census> standing;
    standing.reserve(options_.entities.size());
    for (const Entity entity : options_.entities) {
      standing.push_back(TRY(take_census(entity, host_.ports(), host_.context())));
    }
    return standing;
  }

  Result<void> walk_once(Entity entity) {
    const EntityMachines machines = machines_of(entity);
    while (refused().batches == 0) {
      const Value output = TRY(walk(machines.create));
      if (!more_can_be_submitted(output)) break;
    }
    TRY(walk(machines.poll));
    if (auto error = progress_.common_error()) return std::unexpected(*std::move(error));
    return {};
  }

  /// Has a machine walked to its end: first the executions that were left unfinished, then a new one. The answer: its
  /// output; nothing if another process went on with it.
  Result<Value> walk(std::string_view machine) {
    const std::string name(machine);
    for (const Execution& execution : TRY(machines_.list(name, ExecutionStatus::running, kUnfinishedMax))) {
      const auto walked = machines_.finish(execution.id);
      if (!walked) {
        TRY(left_to_others(walked.error()));
      } else if (walked->status != ExecutionStatus::succeeded) {
        // No reason to end: what it has left, a new one finds.
        host_.context().log.warning("an earlier execution has ended without success", {{"why", how_it_ended(*walked)}});
      }
    }
    const auto ended = machines_.run(name, Value::Object());
    if (!ended) {
      TRY(left_to_others(ended.error()));
      return Value(Value::Object());
    }
    if (ended->status == ExecutionStatus::succeeded) return ended->output;
    return std::unexpected(Error(code_named(ended->error), how_it_ended(*ended)));
  }

  /// What the steps left of it, because it would have taken them too long, or the provider did not answer.
  Result<void> delete_files_of_the_provider() {
    for (const Entity entity : options_.entities) {
      TRY(delete_files_left(entity, kDeletingFilesMsMax, host_.ports(), host_.context()));
    }
    return {};
  }

  /// Passes an error on, unless it says that another process walks the execution.
  Result<void> left_to_others(const Error& error) {
    if (error.code() != Code::lock_held && error.code() != Code::lost_lease) return std::unexpected(error);
    others_at_work_ = true;
    return {};
  }

  PipelineHost& host_;
  StateMachines& machines_;
  const RunOptions& options_;
  Progress& progress_;
  bool others_at_work_ = false;
};

}  // namespace

Result<RunReport> run_pipeline(PipelineHost& host, StateMachines& machines, const RunOptions& options,
                               Progress& progress) {
  return PipelineRun(host, machines, options, progress).run();
}

}  // namespace tillite
