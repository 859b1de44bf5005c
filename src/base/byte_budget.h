#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace tillite {

/// Memory that several threads share for a while each: who needs more than is left waits until others give theirs back.
/// A single one always has what it needs. Threads: any.
class ByteBudget {
 public:
  explicit ByteBudget(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  /// What a thread has of it, until the end of its life.
  class Share {
   public:
    explicit Share(ByteBudget& budget) : budget_(budget) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share();
    /// Waits until there is so much; at most once, or two could wait for each other.
    void take(std::uint64_t bytes);

   private:
    ByteBudget& budget_;
    std::uint64_t bytes_ = 0;
  };

 private:
  const std::uint64_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t taken_ = 0;
};

}  // namespace tillite
