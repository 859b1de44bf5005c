#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/result.h"

namespace tillite {

/// Calls of functions that wait for their turn: begun in the order in which they came, each on one of a few threads,
/// since the server's own should not block. Threads: any.
class InvocationQueue {
 public:
  struct Limits {
    std::size_t threads = 2;  ///< calls at once, as many as the engine makes
    std::size_t waiting_max = 1000;
    std::size_t waiting_bytes_max = std::size_t{64} << 20;
  };
  enum class Turn { run, refused };  ///< refused: the queue was stopped while it waited
  using Call = std::move_only_function<void(Turn)>;

  explicit InvocationQueue(const Limits& limits);
  InvocationQueue(const InvocationQueue&) = delete;
  InvocationQueue& operator=(const InvocationQueue&) = delete;
  /// Stops, and waits for the calls that run.
  ~InvocationQueue();

  /// Takes a call that holds that many bytes and has its turn later. `limit_exceeded` if too much waits already,
  /// `cancelled` once the queue has been stopped.
  [[nodiscard]] Result<void> add(std::size_t bytes, Call call);
  /// What waits is refused, and nothing is taken any more.
  void stop();

 private:
  struct Waiting {
    std::size_t bytes = 0;
    Call call;
  };
  void run(const std::stop_token& stop);

  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool stopped_ = false;
  std::size_t waiting_bytes_ = 0;
  std::deque<Waiting> waiting_;
  std::vector<std::jthread> threads_;  // the last member: they use the others
};

}  // namespace tillite
