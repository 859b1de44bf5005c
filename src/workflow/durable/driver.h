#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>

#include "workflow/durable/active_executions.h"
#include "workflow/durable/task_pool.h"
#include "workflow/durable/tasks_by_token.h"
#include "workflow/task_runner.h"

namespace tillite {

/// Keeps executions going. Whoever drives (one thread at a time) takes what came in, tells the executions, writes what
/// follows from it, and only then hands out what they asked for; the tasks run in threads of a pool.
///
/// Threads: any.
class Driver {
 public:
  Driver(ExecutionStore& store, Clock& clock, Random& random, TaskRunner& tasks, const Logger& log,
         const EngineSettings& settings);
  ~Driver();

  /// Under which name this process owns executions.
  [[nodiscard]] const std::string& owner() const { return owner_; }

  /// Becomes the owner of a running execution, if nobody else is at work: else `lock_held`.
  [[nodiscard]] Result<void> take_lease(const ExecutionRow& row);
  /// Walks an execution whose lease is ours to its end. Errors: Engine::walk()'s.
  [[nodiscard]] Result<void> walk_to_end(const std::string& id, const std::stop_token& stop);
  /// Walks whatever nobody walks, until `stop`.
  [[nodiscard]] Result<void> serve(const std::stop_token& stop);

  /// There is an execution that nobody walks.
  void offer();
  /// There is a request to stop one, or a map run got other limits.
  void look_for_stop_requests();
  /// The answer to a request of an execution.
  void tell(const std::string& id, std::int64_t request, News news);

  [[nodiscard]] TasksByToken& tokens() { return tokens_; }

 private:
  struct Input {
    std::string execution;
    Told told;
  };

  void wake();
  void wake_locked();
  [[nodiscard]] Result<void> drive(const std::function<bool()>& done, const std::stop_token& stop);
  [[nodiscard]] Result<void> drive_alone(const std::function<bool()>& done, const std::stop_token& stop);
  [[nodiscard]] Result<void> turn();
  void wait(const std::stop_token& stop);
  [[nodiscard]] Result<void> adopt(const std::string& id);
  [[nodiscard]] Result<void> heed_stop_requests();
  /// Somebody may wait for that.
  void announce(const ActiveExecutions::Written& written);
  [[nodiscard]] Result<void> hand_out(ActiveExecution& execution, const ActiveExecution::Asked& asked);
  /// Executions that a task of ours waits for, and that are not here (any more): those that ended are told of, those
  /// that nobody walks are taken in.
  [[nodiscard]] Result<void> look_after_awaited(const std::vector<std::string>& ended, bool all);
  /// In a thread of the pool.
  void perform(const std::string& id, std::int64_t request, const decltype(Request::what)& what,
               const std::stop_token& stop);
  /// Forgets what is in memory: the executions stay as they are written, for whoever walks them next.
  void let_go();

  ExecutionStore& store_;
  Clock& clock_;
  TaskRunner& tasks_;
  const Logger& log_;
  const EngineSettings& settings_;
  const std::string owner_;
  TasksByToken tokens_;

  // Shared with other threads, under the mutex.
  std::mutex mutex_;
  std::condition_variable woken_;
  std::stop_source sleep_;  ///< of the driving thread, when it sleeps by the clock
  bool poked_ = false;
  bool driving_ = false;
  std::vector<Input> inputs_;
  std::vector<std::string> to_adopt_;
  std::set<std::string> waited_for_;
  std::set<std::string> done_;  ///< of those: ended
  std::set<std::string> lost_;  ///< of those: taken over by another process

  std::atomic<bool> serving_ = false;
  std::atomic<bool> look_for_new_ = true;
  std::atomic<bool> look_for_stops_ = false;

  // Of the thread that drives.
  ActiveExecutions executions_;
  std::int64_t renewed_ms_ = 0;
  std::int64_t looked_ms_ = 0;

  std::unique_ptr<TaskPool> pool_;  ///< last: its threads use the rest
};

}  // namespace tillite
