#pragma once

#include <memory>
#include <string>

#include "ports/execution_store.h"
#include "workflow/walk_events.h"

namespace tillite {

/// What an execution ended with.
struct ExecutionEnd {
  enum class Kind { succeeded, failed, timed_out, aborted };
  Kind kind = Kind::succeeded;
  Value output;
  Failure failure;
};

struct Trial;

/// Walks one execution. It does nothing by itself: it is told what happened, each time with the time, and answers with
/// the history's events and with requests. The same things told in the same order yield the same events, requests and
/// end, always: whoever keeps what was told can walk an execution again.
///
/// Threads: one at a time.
class Interpreter {
 public:
  /// Who hears of events and requests, while the interpreter is being told something.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void recorded(HistoryEvent event) = 0;
    virtual void requested(Request request) = 0;
    /// Nobody waits for the answer any more: the task timed out or its branch was aborted.
    virtual void withdrawn(std::int64_t request) = 0;
    /// A Distributed Map begins and ends; its children are requests in between.
    virtual void map_run_began(const std::string& run, const MapRunLimits& limits) = 0;
    virtual void map_run_ended(const std::string& run, bool succeeded) = 0;
  };

  /// Who the execution is, as the context object shows it.
  struct Identity {
    std::string execution_arn;
    std::string execution_name;
    std::string machine_arn;
    std::string machine_name;
    std::string role_arn;
    std::string region = "us-east-1";
    std::string account = "000000000000";

    [[nodiscard]] std::string map_run_arn(const std::string& run) const;
  };

  struct Limits {
    std::int64_t events_max = 25'000;  ///< 0: any number
    std::size_t payload_bytes_max = 262'144;
    std::size_t concurrency_max = 40;  ///< of a Map inline, whatever its MaxConcurrency
    std::size_t children_max = 1'000;  ///< of a Distributed Map at the same time
  };

  struct Options {
    Limits limits;
    bool keeps_history = true;     ///< false: no events are made, they are only counted
    bool may_be_redriven = false;  ///< remembers what succeeded; redrive() needs it
    // What AWS does otherwise in some executions, and did otherwise before.
    bool shows_redrive_count = true;         ///< not in synchronous ones, nor before November 2023
    bool map_exit_follows_run_start = true;  ///< a Distributed Map's: up to summer 2024 it followed the run's end
  };

  /// `states` and `listener` must outlive it.
  Interpreter(const States& states, Identity identity, Options options, Listener& listener);
  ~Interpreter();
  Interpreter(Interpreter&&) noexcept;

  /// Begins. `timeout_s`: of the whole execution.
  void start(Value input, std::int64_t now_ms, std::optional<std::int64_t> timeout_s = std::nullopt);
  /// Visits the state of this number and ends there, instead of start(). A state that is about to be tried again waits
  /// for that. `trial` must outlive it.
  void try_state(std::size_t state, Trial& trial, Value input, std::int64_t now_ms);
  /// The answer to a request. One that nobody waits for is passed over.
  void tell(std::int64_t request, News news, std::int64_t now_ms);
  /// Time has passed: what waited for it goes on.
  void advance(std::int64_t now_ms);
  /// Ends it where it stands (StopExecution). Empty texts count as not given.
  void stop(const std::string& error, const std::string& cause, std::int64_t now_ms);

  /// Other limits hold for a map run of it from now on. One that does not run is passed over.
  void limit_map_run(const std::string& run, const MapRunLimits& limits, std::int64_t now_ms);

  /// Goes on where it failed: what succeeded is not walked again. Only after an end other than a success, and with
  /// Options::may_be_redriven.
  void redrive(std::int64_t now_ms);

  /// When advance() has something to do; nothing if only answers are waited for.
  [[nodiscard]] std::optional<std::int64_t> next_wake_ms() const;
  /// Set once it ended.
  [[nodiscard]] const std::optional<ExecutionEnd>& end() const;
  /// How many events there are, kept or not.
  [[nodiscard]] std::int64_t events() const;

 private:
  class Walk;
  std::unique_ptr<Walk> walk_;
};

}  // namespace tillite
