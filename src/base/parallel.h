#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace tillite {

/// How many threads the machine runs at a time; at least 1.
inline std::size_t machine_threads() { return std::max(std::thread::hardware_concurrency(), 1U); }

/// Calls work(i) for every i below `count`, each once and in their order, on at most `threads` threads; the caller's is
/// one of them, so that a single thread starts no other. Returns when all calls have ended.
template <typename Work>
void for_each_parallel(std::size_t count, std::size_t threads, const Work& work) {
  std::atomic<std::size_t> next = 0;
  const auto take_and_work = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < std::min(threads, count); ++i) others.emplace_back(take_and_work);
  take_and_work();
}

}  // namespace tillite
