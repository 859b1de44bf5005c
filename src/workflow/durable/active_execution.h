#pragma once

#include <map>
#include <stop_token>

#include "base/check.h"
#include "ports/execution_store.h"
#include "workflow/durable/journal.h"

namespace tillite {

/// An execution that is being walked in this process: the interpreter, what of it is not written yet, and what it asked
/// for.
///
/// Threads: one at a time.
class ActiveExecution final : public Interpreter::Listener {
 public:
  /// What it asked for and has no answer to.
  struct Asked {
    Request request;
    std::stop_source stop;    ///< requested when nobody waits for the answer any more
    bool submitted = false;   ///< only its token, or the execution that it started, can end it now
    Value answer;             ///< of one that was submitted
    bool handed_out = false;  ///< of an activity: a worker has it
    std::string child;        ///< of a child, and of a task that waits for another execution's end: that execution
  };
  /// Who hears that a block of its history is full, that a child is not wanted any more, and of map runs.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void history_is_full(ActiveExecution& execution) = 0;
    virtual void child_is_unwanted(const std::string& child) = 0;
    virtual void map_run_began(ActiveExecution& execution, const std::string& run, const MapRunLimits& limits) = 0;
    virtual void map_run_ended(const std::string& run, bool succeeded) = 0;
  };

  /// `states`: the whole machine's, or the processor's of the map whose child it is.
  ActiveExecution(ExecutionRow row, StateMachine machine, const States& states, Interpreter::Identity identity,
                  Interpreter::Options options, Owner& owner);

  /// Tells the interpreter, and keeps what was told for the journal.
  void tell(Told told);
  /// Tells it what the journal holds. `corrupt` if that cannot be, `unsupported` if the walk comes to another place
  /// than it did when it was written.
  [[nodiscard]] Result<void> replay(const std::vector<ExecutionStore::Block>& journal);

  [[nodiscard]] const std::string& id() const { return row.id; }
  [[nodiscard]] const Interpreter& interpreter() const { return interpreter_; }
  [[nodiscard]] const StateMachine& machine() const { return machine_; }
  [[nodiscard]] std::int64_t redrives_told() const { return redrives_told_; }
  /// Requests that came since the last call.
  [[nodiscard]] std::vector<std::int64_t> take_fresh() { return std::exchange(fresh_, {}); }
  /// What is to be written since the last call; empty lines if nothing.
  [[nodiscard]] ExecutionStore::Block take_journal();
  [[nodiscard]] ExecutionStore::Block take_events();

  /// Its map runs under way, with the limits that the walk knows.
  [[nodiscard]] const std::map<std::string, MapRunLimits>& map_runs() const { return map_runs_; }

  ExecutionRow row;
  std::map<std::int64_t, Asked> asked;
  bool is_new = false;                ///< its row is not written yet
  bool is_dirty = false;              ///< it waits to be written
  ActiveExecution* parent = nullptr;  ///< of a child
  std::int64_t parent_request = 0;
  bool parent_wants_output = true;
  std::optional<std::int64_t> wake_ms;  ///< as the engine knows it

  // Interpreter::Listener
  void recorded(HistoryEvent event) override;
  void requested(Request request) override;
  void withdrawn(std::int64_t request) override;
  void map_run_began(const std::string& run, const MapRunLimits& limits) override;
  void map_run_ended(const std::string& run, bool succeeded) override;

 private:
  void apply(const Told& told);

  StateMachine machine_;
  Owner& owner_;
  bool replaying_ = false;
  std::map<std::string, MapRunLimits> map_runs_;
  std::vector<std::int64_t> fresh_;
  std::int64_t redrives_told_ = 0;
  std::string journal_;
  std::int64_t journal_first_ = 1;
  std::int64_t journal_next_ = 1;
  std::string events_;
  std::int64_t events_first_ = 1;
  Interpreter interpreter_;
};

}  // namespace tillite
