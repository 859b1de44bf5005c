#pragma once

#include <set>
#include <unordered_map>

#include "base/log.h"
#include "ports/clock.h"
#include "workflow/durable/active_execution.h"
#include "workflow/durable/engine_settings.h"
#include "workflow/durable/nested_start.h"

namespace tillite {

/// The executions that this process walks: each is told what comes in; what follows from it in others (children of
/// Distributed Maps and their parents) follows at once; and all that changed is written in one batch.
///
/// Threads: one at a time. Errors of the store pass through; after one, what is here is worth nothing: clear().
class ActiveExecutions final : private ActiveExecution::Owner {
 public:
  ActiveExecutions(ExecutionStore& store, Clock& clock, const Logger& log, const EngineSettings& settings,
                   const std::string& owner)
      : store_(store), clock_(clock), log_(log), settings_(settings), owner_(owner) {}

  [[nodiscard]] bool empty() const { return active_.empty(); }
  [[nodiscard]] bool contains(const std::string& id) const { return active_.contains(id); }
  /// nullptr if it is not here.
  [[nodiscard]] ActiveExecution* find(const std::string& id);
  /// When advance() has something to do.
  [[nodiscard]] std::optional<std::int64_t> next_wake_ms() const;

  /// Takes in a running execution whose lease is ours: from its beginning, or from where its journal leads. One that
  /// cannot be walked any more fails, which is no error.
  [[nodiscard]] Result<void> take_in(ExecutionRow row);
  /// Tells one of them; one that is not here is passed over.
  void tell(const std::string& id, Told told);
  /// Time has passed.
  void advance(std::int64_t now_ms);

  struct Written {
    std::vector<std::string> ended;  ///< without children
    std::vector<std::string> lost;   ///< taken over by another process: nothing of them was written
  };
  /// Writes all that changed, and forgets those that ended.
  [[nodiscard]] Result<Written> write();
  /// What was asked for since the last call, by execution and request: to be done now that it is written.
  [[nodiscard]] std::vector<std::pair<std::string, std::int64_t>> take_requests() { return std::exchange(asked_, {}); }

  /// Tells executions of limits that were changed for their map runs.
  [[nodiscard]] Result<void> heed_map_run_limits();

  /// Does what a task asks for that starts another execution (starts_execution()): what follows is written by the next
  /// write(), in one piece. So an execution cannot have been started without its starter knowing it.
  [[nodiscard]] Result<void> start_nested(const std::string& id, std::int64_t request);
  /// Executions that are not here and whose end a task waits for: of those in `ended`, or `all`. All, too, if some of
  /// them were not asked for yet.
  [[nodiscard]] std::vector<std::string> awaited_elsewhere(const std::vector<std::string>& ended, bool all);
  /// One of them has ended: who waits for it is told.
  void awaited_ended(const ExecutionRow& ended);
  /// Executions elsewhere that are to stop, since nobody waits for them any more.
  [[nodiscard]] std::vector<std::string> take_unwanted_elsewhere() { return std::exchange(unwanted_elsewhere_, {}); }

  /// Forgets all; what they asked for is stopped.
  void clear();

 private:
  void history_is_full(ActiveExecution& execution) override;
  void child_is_unwanted(const std::string& child) override { unwanted_.push_back(child); }
  void map_run_began(ActiveExecution& execution, const std::string& run, const MapRunLimits& limits) override;
  void map_run_ended(const std::string& run, bool succeeded) override;

  [[nodiscard]] std::unique_ptr<ActiveExecution> make(ExecutionRow row, const StateMachine& machine,
                                                      const States& states);
  /// An execution that cannot be walked any more fails; the others go on.
  [[nodiscard]] Result<void> give_up(ExecutionRow row, const Error& error);
  /// Follows up what an execution was told.
  void settle(const std::string& first);
  /// The answer: whose turn it is next because of that; nothing if nobody's.
  [[nodiscard]] Result<std::optional<std::string>> begin_child(ActiveExecution& parent, std::int64_t request,
                                                               const ChildExecution& child);
  void tell_parent(ActiveExecution& child);
  void await(ActiveExecution& starter, std::int64_t request, const std::string& awaited, const NestedStart& start);
  [[nodiscard]] Result<std::optional<MachineRow>> machine_row(const std::string& name);
  [[nodiscard]] std::string arn(std::string_view kind, const std::string& name) const;
  [[nodiscard]] std::string arn_of(const ExecutionRow& row) const;
  /// The row of a map run; nullptr if there is none.
  [[nodiscard]] MapRunRow* map_run(const std::string& run);
  [[nodiscard]] Result<ExecutionStore::Batch*> batch();
  [[nodiscard]] Result<void> write(ActiveExecution& execution);
  void drop(const std::string& id);
  /// Keeps the first error until write(): what is told meanwhile cannot answer with one.
  void keep(const Error& error);

  ExecutionStore& store_;
  Clock& clock_;
  const Logger& log_;
  const EngineSettings& settings_;
  const std::string& owner_;

  std::unordered_map<std::string, std::unique_ptr<ActiveExecution>> active_;
  std::set<std::pair<std::int64_t, ActiveExecution*>> wakes_;
  std::vector<std::string> dirty_;  ///< have something to be written; in the order in which it came
  std::set<std::string> resumed_;   ///< walked before: their children may be in the store
  std::vector<std::pair<std::string, std::int64_t>> asked_;
  std::vector<std::string> unwanted_;
  std::vector<std::string> gave_up_;  ///< failed without a walk
  /// A task that waits for another execution's end.
  struct Waiting {
    std::string execution;
    std::int64_t request = 0;
    std::string machine_arn;
    bool parses_output = false;
  };
  std::map<std::string, std::vector<Waiting>> awaited_;  ///< by the execution that is waited for
  bool has_new_awaited_ = false;
  std::vector<std::string> unwanted_elsewhere_;
  std::map<std::string, MapRunRow> map_runs_;
  std::set<std::string> changed_runs_;
  std::unique_ptr<ExecutionStore::Batch> batch_;
  std::optional<Error> broken_;
};

}  // namespace tillite
