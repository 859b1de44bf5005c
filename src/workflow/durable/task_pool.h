#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace tillite {

/// Threads that run tasks, however many wait. Executions take turns, so that a large Map does not keep the others
/// waiting; of a group of tasks (the calls of a provider, say) only so many run at a time.
///
/// Threads: any.
class TaskPool {
 public:
  struct Job {
    std::string turn;   ///< who takes turns: the execution
    std::string group;  ///< whose limit holds
    std::function<void()> work;
  };

  /// `group_limits`: how many jobs of a group run at once; any number where none is given.
  TaskPool(std::size_t threads_max, std::map<std::string, std::size_t> group_limits);
  /// Jobs that did not begin are forgotten; those that run are waited for.
  ~TaskPool();

  void add(Job job);
  /// Jobs that wait or run.
  [[nodiscard]] std::size_t unfinished() const;

 private:
  void work(const std::stop_token& stop);
  /// The next job whose turn it is and whose group has room.
  bool take(Job& job);

  const std::size_t threads_max_;
  const std::map<std::string, std::size_t> group_limits_;
  mutable std::mutex mutex_;
  std::condition_variable_any ready_;
  std::map<std::string, std::deque<Job>> waiting_;  ///< by turn
  std::deque<std::string> turns_;                   ///< of those who have jobs waiting
  std::map<std::string, std::size_t> running_;      ///< by group
  std::size_t unfinished_ = 0;
  std::size_t idle_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace tillite
