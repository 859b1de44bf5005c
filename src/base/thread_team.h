#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace tillite {

/// Threads that share loops, and between them sleep (after 50 us of looking); for loops that follow each other so
/// closely that starting threads for each would cost more than it brings (else: for_each_parallel()). They start with
/// the first loop that needs them. Used by one thread at a time.
class ThreadTeam {
 public:
  /// `threads`: of a loop, at least 1; the caller's is one of them.
  explicit ThreadTeam(std::size_t threads);
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;
  ~ThreadTeam();

  [[nodiscard]] std::size_t size() const { return threads_; }

  /// Calls work(i, member) for every i below `count`, each once, in any order; `member`, below size(), is another
  /// number for each thread, for what a thread keeps for itself. Returns when all calls have ended. `work` must not
  /// throw.
  void for_each(std::size_t count, const std::function<void(std::size_t i, std::size_t member)>& work) noexcept;

 private:
  struct Loop {
    std::size_t count = 0;
    const std::function<void(std::size_t i, std::size_t member)>* work = nullptr;
  };

  void start();
  void serve(std::size_t member);
  void share(std::size_t member) const;

  std::size_t threads_;
  Loop loop_;                                  ///< written only while the others wait
  mutable std::atomic<std::size_t> next_ = 0;  ///< of the loop
  std::atomic<std::uint32_t> round_ = 0;       ///< a change wakes the others
  std::atomic<std::uint32_t> busy_ = 0;        ///< of the others
  std::atomic<bool> ends_ = false;
  std::vector<std::jthread> others_;
};

}  // namespace tillite
