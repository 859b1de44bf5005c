#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/result.h"

namespace tillite {

/// Runs tasks one after the other, in their order, on a thread of its own. After one has failed no other is run.
/// Threads: one that adds and waits.
class SerialWorker {
 public:
  using Task = std::move_only_function<Result<void>()>;

  /// At most `waiting_max` tasks wait: who adds one more waits, too. 0: there is no other thread, add() runs the task.
  explicit SerialWorker(std::size_t waiting_max);
  SerialWorker(const SerialWorker&) = delete;
  SerialWorker& operator=(const SerialWorker&) = delete;
  /// Forgets the tasks that still wait.
  ~SerialWorker();

  /// The error of an earlier task, which need not be the last one.
  [[nodiscard]] Result<void> add(Task task);
  /// Returns when every task has run; the error of the first that failed.
  [[nodiscard]] Result<void> wait();

 private:
  void run(const std::stop_token& stop);
  /// Who waits for room is woken when so few tasks are left: not for each of them, or both would sleep and wake in
  /// turns.
  [[nodiscard]] std::size_t room_from() const { return waiting_max_ / 2; }

  const std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Task> waiting_;
  bool is_running_ = false;
  Result<void> outcome_;
  std::jthread thread_;  // the last member: it uses the others
};

}  // namespace tillite
