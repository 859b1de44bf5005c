#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"

namespace tillite {

enum class StageOrder {
  one_by_one,  ///< a block at a time, as they came
  any,         ///< several at a time
};

template <typename Block>
struct PipelineStage {
  StageOrder order = StageOrder::one_by_one;
  std::function<void(Block&)> work;
};

/// Takes blocks through stages, each stage of a block after the one before, several blocks at a time; see
/// run_pipeline().
template <typename Block>
class Pipeline {
 public:
  Pipeline(std::span<Block> blocks, const std::function<bool(Block&)>& fill,
           const std::vector<PipelineStage<Block>>& stages)
      : blocks_(blocks), fill_(fill), stages_(stages), lanes_(blocks.size()), turns_(stages.size(), 0) {
    check(!blocks.empty() && !stages.empty(), "a pipeline has blocks and stages");
  }

  void run(std::size_t threads) {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < std::min(threads, blocks_.size()); ++i) others.emplace_back([this] { serve(); });
    serve();
  }

 private:
  /// Where a block is.
  struct Lane {
    bool is_free = true;
    bool is_busy = false;
    std::size_t stage = 0;  ///< its next, or the one that is busy with it
  };

  void serve() {
    std::unique_lock lock(mutex_);
    while (!(ended_ && underway_ == 0)) {
      if (const auto number = ready_block()) {
        work_on(*number, lock);
      } else if (can_fill()) {
        fill(lock);
      } else {
        changed_.wait(lock);
      }
    }
  }

  /// The oldest block that a stage can take, so that what has been begun comes to its end first.
  [[nodiscard]] std::optional<std::size_t> ready_block() const {
    for (std::size_t number = filled_ - std::min(filled_, lanes_.size()); number < filled_; ++number) {
      const Lane& lane = lanes_[number % lanes_.size()];
      if (lane.is_free || lane.is_busy) continue;
      if (stages_[lane.stage].order == StageOrder::any || turns_[lane.stage] == number) return number;
    }
    return std::nullopt;
  }

  void work_on(std::size_t number, std::unique_lock<std::mutex>& lock) {
    Lane& lane = lanes_[number % lanes_.size()];
    lane.is_busy = true;
    lock.unlock();
    stages_[lane.stage].work(blocks_[number % lanes_.size()]);
    lock.lock();
    ++turns_[lane.stage];
    lane.is_busy = false;
    lane.is_free = ++lane.stage == stages_.size();
    if (lane.is_free) --underway_;
    changed_.notify_all();
  }

  [[nodiscard]] bool can_fill() const { return !ended_ && !is_filling_ && lanes_[filled_ % lanes_.size()].is_free; }

  void fill(std::unique_lock<std::mutex>& lock) {
    const std::size_t number = filled_ % lanes_.size();
    is_filling_ = true;
    lock.unlock();
    const bool has_more = fill_(blocks_[number]);
    lock.lock();
    is_filling_ = false;
    ended_ = !has_more;
    if (has_more) {
      lanes_[number] = {.is_free = false};
      ++filled_;
      ++underway_;
    }
    changed_.notify_all();
  }

  std::span<Block> blocks_;
  const std::function<bool(Block&)>& fill_;
  const std::vector<PipelineStage<Block>>& stages_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Lane> lanes_;         ///< of the blocks
  std::vector<std::size_t> turns_;  ///< of each stage: the number of the block that it takes next, if one by one
  std::size_t filled_ = 0;          ///< blocks so far
  std::size_t underway_ = 0;        ///< blocks that have not left the last stage
  bool is_filling_ = false;
  bool ended_ = false;  ///< there are no more blocks to fill
};

/// Fills blocks, one by one, as long as fill(block) finds something for it, and takes each through all stages; a block
/// is filled again when it has left the last one. On at most `threads` threads, the caller's among them: a single one
/// takes each block through all stages before the next. Returns when all have left. Nothing of it may throw.
template <typename Block>
void run_pipeline(std::span<Block> blocks, std::size_t threads, const std::function<bool(Block&)>& fill,
                  const std::vector<PipelineStage<Block>>& stages) {
  Pipeline<Block>(blocks, fill, stages).run(threads);
}

}  // namespace tillite
