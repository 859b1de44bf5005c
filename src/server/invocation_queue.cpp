#include "server/invocation_queue.h"

#include <utility>

#include "base/check.h"

namespace tillite {

InvocationQueue::InvocationQueue(const Limits& limits) : limits_(limits) {
  check(limits.threads > 0, "somebody calls what waits");
  threads_.reserve(limits.threads);
  for (std::size_t i = 0; i < limits.threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

InvocationQueue::~InvocationQueue() { stop(); }

Result<void> InvocationQueue::add(std::size_t bytes, Call call) {
  const std::scoped_lock lock(mutex_);
  if (stopped_) return fail(Code::cancelled, "functions are not called any more");
  if (waiting_.size() >= limits_.waiting_max || waiting_bytes_ + bytes > limits_.waiting_bytes_max) {
    return fail(Code::limit_exceeded, "{} calls of {} bytes wait already", waiting_.size(), waiting_bytes_);
  }
  waiting_bytes_ += bytes;
  waiting_.push_back({bytes, std::move(call)});
  changed_.notify_one();
  return {};
}

void InvocationQueue::stop() {
  std::deque<Waiting> refused;
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    waiting_bytes_ = 0;
    refused.swap(waiting_);
  }
  for (Waiting& waiting : refused) waiting.call(Turn::refused);
}

void InvocationQueue::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= next.bytes;
    lock.unlock();
    next.call(Turn::run);
    next.call = nullptr;
    lock.lock();
  }
}

}  // namespace tillite
