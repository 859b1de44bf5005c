#include "workflow/durable/task_pool.h"

namespace tillite {

TaskPool::TaskPool(std::size_t threads_max, std::map<std::string, std::size_t> group_limits)
    : threads_max_(threads_max), group_limits_(std::move(group_limits)) {}

TaskPool::~TaskPool() {
  {
    const std::scoped_lock lock(mutex_);
    waiting_.clear();
    turns_.clear();
  }
  for (std::jthread& thread : threads_) thread.request_stop();
}

void TaskPool::add(Job job) {
  const std::scoped_lock lock(mutex_);
  ++unfinished_;
  std::deque<Job>& line = waiting_[job.turn];
  if (line.empty()) turns_.push_back(job.turn);
  line.push_back(std::move(job));
  if (idle_ == 0 && threads_.size() < threads_max_)
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  ready_.notify_one();
}

std::size_t TaskPool::unfinished() const {
  const std::scoped_lock lock(mutex_);
  return unfinished_;
}

bool TaskPool::take(Job& job) {
  for (std::size_t tried = 0; tried < turns_.size(); ++tried) {
    const std::string turn = std::move(turns_.front());
    turns_.pop_front();
    std::deque<Job>& line = waiting_.at(turn);
    const auto limit = group_limits_.find(line.front().group);
    if (limit != group_limits_.end() && running_[line.front().group] >= limit->second) {
      turns_.push_back(turn);
      continue;
    }
    job = std::move(line.front());
    line.pop_front();
    if (line.empty()) {
      waiting_.erase(turn);
    } else {
      turns_.push_back(turn);
    }
    ++running_[job.group];
    return true;
  }
  return false;
}

void TaskPool::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    Job job;
    ++idle_;
    const bool taken = ready_.wait(lock, stop, [&] { return take(job); });
    --idle_;
    if (!taken) return;
    lock.unlock();
    job.work();
    job.work = nullptr;
    lock.lock();
    --running_[job.group];
    --unfinished_;
    ready_.notify_all();  // the group has room again
  }
}

}  // namespace tillite
