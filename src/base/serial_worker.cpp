#include "base/serial_worker.h"

#include <utility>

namespace tillite {

SerialWorker::SerialWorker(std::size_t waiting_max) : waiting_max_(waiting_max) {
  if (waiting_max > 0) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

SerialWorker::~SerialWorker() {
  const std::scoped_lock lock(mutex_);
  waiting_.clear();
}

Result<void> SerialWorker::add(Task task) {
  if (waiting_max_ == 0) {
    if (outcome_) outcome_ = task();
    return outcome_;
  }
  std::unique_lock lock(mutex_);
  if (waiting_.size() >= waiting_max_) {
    changed_.wait(lock, [this] { return waiting_.size() <= room_from() || !outcome_; });
  }
  if (!outcome_) return outcome_;
  waiting_.push_back(std::move(task));
  const bool may_sleep = waiting_.size() == 1;
  lock.unlock();
  if (may_sleep) changed_.notify_all();
  return {};
}

Result<void> SerialWorker::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.empty() && !is_running_; });
  return outcome_;
}

void SerialWorker::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    Task task = std::move(waiting_.front());
    waiting_.pop_front();
    is_running_ = true;
    const bool has_room = waiting_.size() == room_from();
    lock.unlock();
    if (has_room) changed_.notify_all();
    auto outcome = task();
    task = nullptr;
    lock.lock();
    is_running_ = false;
    if (!outcome) {
      outcome_ = std::move(outcome);
      waiting_.clear();
    }
    if (waiting_.empty()) changed_.notify_all();
  }
}

}  // namespace tillite
